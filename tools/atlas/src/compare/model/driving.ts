import { type ClassDeclaration, type Decorator, type MethodDeclaration, Node } from 'ts-morph';
import type { Contracts } from './contracts';
import { told } from './comments';
import type { Driver, EventIn, Job, Route } from './model';
import { fieldCalls, fieldTypesOf, initialOf, type Wiring } from './wiring';
import type { Workspace } from './workspace';

/** What drives a context: requests, events and time. */
export interface Driving {
  readonly routes: readonly Route[];
  readonly eventsIn: readonly EventIn[];
  readonly jobs: readonly Job[];
}

const METHODS = new Set(['Get', 'Post', 'Put', 'Patch', 'Delete']);

export function readDriving(
  workspace: Workspace,
  folder: string,
  wiring: Wiring,
  contracts: Contracts,
): Driving {
  const classes = classesOf(workspace, folder);
  return {
    routes: methodsOf(classes).flatMap(({ of, method }) => routesOf(workspace, of, method)),
    eventsIn: readEventsIn(workspace, folder, contracts),
    jobs: wiring.jobs.map(({ classes: named, ...job }) => ({
      ...job,
      runs: named.flatMap((name) => {
        const adapter = classes.find((each) => each.getName() === name);
        return adapter ? adapter.getMethods().flatMap((method) => useCasesOf(adapter, method)) : [name];
      }),
    })),
  };
}

export const readEventsIn = (
  workspace: Workspace,
  folder: string,
  contracts: Contracts,
): readonly EventIn[] =>
  methodsOf(classesOf(workspace, folder)).flatMap(({ of, method }) =>
    eventsOf(workspace, of, method, contracts),
  );

const classesOf = (workspace: Workspace, folder: string): readonly ClassDeclaration[] =>
  workspace.files(`${folder}/src/adapters/driving`).flatMap((file) => file.getClasses());

const methodsOf = (classes: readonly ClassDeclaration[]) =>
  classes.flatMap((of) => of.getMethods().map((method) => ({ of, method })));

function routesOf(workspace: Workspace, of: ClassDeclaration, method: MethodDeclaration): readonly Route[] {
  const prefix = textArgument(of.getDecorator('Controller'));
  return method.getDecorators().flatMap((decorator) => {
    if (!METHODS.has(decorator.getName())) return [];
    const path = `/${[prefix, textArgument(decorator)].filter(Boolean).join('/')}`;
    const verb = decorator.getName().toUpperCase();
    return [
      {
        name: `${verb} ${path}`,
        ...told(workspace, method),
        ...summaryOf(method),
        source: workspace.sourceOf(method),
        method: verb,
        path,
        // `@Idempotent()` of the platform, or a decorator that documents keys of the context's own.
        idempotent: method.getDecorators().some((each) => each.getName().includes('Idempoten')),
        runs: useCasesOf(of, method),
      },
    ];
  });
}

/** What OpenAPI shows of an operation. */
function summaryOf(method: MethodDeclaration): { says?: string } {
  const [options] = method.getDecorator('ApiOperation')?.getArguments() ?? [];
  const text = Node.isObjectLiteralExpression(options) ? initialOf(options, 'summary') : undefined;
  return Node.isStringLiteral(text) ? { says: text.getLiteralText() } : {};
}

function eventsOf(
  workspace: Workspace,
  of: ClassDeclaration,
  method: MethodDeclaration,
  contracts: Contracts,
): readonly EventIn[] {
  const [pattern] = method.getDecorator('EventPattern')?.getArguments() ?? [];
  if (!Node.isPropertyAccessExpression(pattern)) return [];
  const contract = contracts.of(of.getSourceFile(), pattern.getExpression().getText());
  return [
    {
      name: contract?.type ?? pattern.getText(),
      ...told(workspace, method),
      source: workspace.sourceOf(method),
      type: contract?.type ?? pattern.getText(),
      version: contract?.version ?? 0,
      producer: contract?.owner ?? '',
      runs: useCasesOf(of, method),
    },
  ];
}

/** The classes whose `execute` a method calls. */
function useCasesOf(of: ClassDeclaration, method: MethodDeclaration): readonly string[] {
  const types = fieldTypesOf(of);
  const direct = fieldCalls(method).flatMap(({ field, method: called }) =>
    called === 'execute' ? (types.get(field) ?? []) : [],
  );
  return [...new Set(direct)];
}

export function driversOf(useCase: string, { routes, eventsIn, jobs }: Driving): readonly Driver[] {
  return [
    ...routes
      .filter(({ runs }) => runs.includes(useCase))
      .map(({ method, path, idempotent }) => ({ kind: 'http' as const, method, path, idempotent })),
    ...eventsIn
      .filter(({ runs }) => runs.includes(useCase))
      .map(({ type }) => ({ kind: 'event' as const, type })),
    ...jobs.filter(({ runs }) => runs.includes(useCase)).map(({ name }) => ({ kind: 'job' as const, name })),
  ];
}

function textArgument(decorator: Decorator | undefined): string {
  const [text] = decorator?.getArguments() ?? [];
  return Node.isStringLiteral(text) ? text.getLiteralText() : '';
}
