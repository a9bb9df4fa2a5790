import { type ClassDeclaration, Node, SyntaxKind } from 'ts-morph';
import { told } from './comments';
import { driversOf, type Driving } from './driving';
import type { Access, Aggregate, Consistency, Query, UseCase } from './model';
import type { PortClass } from './ports';
import { fieldCalls, fieldTypesOf } from './wiring';
import type { Workspace } from './workspace';

export interface Surroundings {
  readonly ports: readonly PortClass[];
  readonly aggregates: readonly Aggregate[];
  readonly driving: Driving;
  readonly access: readonly Access[];
}

export function readCommands(
  workspace: Workspace,
  folder: string,
  surroundings: Surroundings,
): readonly UseCase[] {
  return classesOf(workspace, `${folder}/src/application/commands`).map((of) =>
    readUseCase(workspace, of, surroundings),
  );
}

export function readQueries(
  workspace: Workspace,
  folder: string,
  surroundings: Surroundings,
): readonly Query[] {
  return classesOf(workspace, `${folder}/src/application/queries`).map((of) => ({
    ...readUseCase(workspace, of, surroundings),
    consistency: consistencyOf(of, surroundings),
  }));
}

/** The classes with an `execute`. */
const classesOf = (workspace: Workspace, folder: string): readonly ClassDeclaration[] =>
  workspace
    .files(folder)
    .filter((file) => !file.getFilePath().endsWith('.spec.ts'))
    .flatMap((file) => file.getClasses())
    .filter((each) => each.getInstanceMethod('execute') !== undefined);

function readUseCase(workspace: Workspace, of: ClassDeclaration, surroundings: Surroundings): UseCase {
  const name = of.getName() ?? '';
  const types = [...fieldTypesOf(of).values()];
  return {
    name,
    ...told(workspace, of),
    source: workspace.sourceOf(of),
    ports: types.filter((type) => isPort(workspace, of, type)),
    drivers: driversOf(name, surroundings.driving),
    changes: changesOf(of, surroundings),
    refuses: refusalsOf(of),
  };
}

/** An abstract class, of this context or of the platform. */
function isPort(workspace: Workspace, of: ClassDeclaration, type: string): boolean {
  const declared = workspace.resolve(of.getSourceFile(), type);
  return Node.isClassDeclaration(declared) && declared.isAbstract();
}

/** The errors of `Result<…, E>` and of `throw new E(…)`. */
function refusalsOf(of: ClassDeclaration): readonly string[] {
  const returned = of.getDescendantsOfKind(SyntaxKind.TypeReference).flatMap((type) => {
    const [, error] = type.getTypeArguments();
    return type.getTypeName().getText() === 'Result' && error ? [error.getText()] : [];
  });
  const thrown = of.getDescendantsOfKind(SyntaxKind.ThrowStatement).flatMap((each) => {
    const error = each.getExpression();
    const name = Node.isNewExpression(error) ? error.getExpression().getText() : '';
    // A plain Error is a bug, which nobody handles.
    return name === '' || name === 'Error' ? [] : [name];
  });
  return [...new Set([...returned, ...thrown])];
}

/**
 * The methods of aggregates that a use case calls. The aggregate is known from the port that hands it to a function, as in
 * `loans.update(id, (loan) => loan.end(at))`; otherwise by a name that only one aggregate has.
 */
function changesOf(of: ClassDeclaration, { ports, aggregates }: Surroundings): readonly string[] {
  const given = handedOver(of, ports);
  const found = new Set<string>();
  for (const call of of.getDescendantsOfKind(SyntaxKind.CallExpression)) {
    const callee = call.getExpression();
    if (!Node.isPropertyAccessExpression(callee)) continue;
    const receiver = callee.getExpression();
    if (!Node.isIdentifier(receiver)) continue;
    const method = callee.getName();
    const able = aggregates.filter(({ operations }) => operations.some(({ name }) => name === method));
    const type = given.get(receiver.getText()) ?? receiver.getText();
    const changed =
      able.find(({ name }) => name === type) ??
      (able.length === 1 && !given.has(receiver.getText()) ? able[0] : undefined);
    if (changed) found.add(`${changed.name}.${method}`);
  }
  return [...found];
}

/** The types of the parameters of functions that are passed to ports, by name. */
function handedOver(of: ClassDeclaration, ports: readonly PortClass[]): ReadonlyMap<string, string> {
  const types = fieldTypesOf(of);
  const found = new Map<string, string>();
  for (const { field, method, call } of fieldCalls(of)) {
    const served = ports.find(({ port }) => port.name === types.get(field));
    const parameters = served?.node.getMethod(method)?.getParameters() ?? [];
    call.getArguments().forEach((argument, index) => {
      const type = parameters[index]?.getTypeNode();
      if (!Node.isArrowFunction(argument) || !Node.isFunctionTypeNode(type)) return;
      argument.getParameters().forEach((parameter, position) => {
        const handed = type.getParameters()[position]?.getTypeNode()?.getText();
        if (handed !== undefined) found.set(parameter.getName(), handed);
      });
    });
  }
  return found;
}

function consistencyOf(of: ClassDeclaration, { ports, access }: Surroundings): Consistency {
  const types = fieldTypesOf(of);
  const used = fieldCalls(of).flatMap(({ field, method }) => {
    const port = ports.find((each) => each.port.name === types.get(field))?.port;
    const found = access.find((each) => each.port === port?.name && each.name === method);
    return port && found ? [{ port, found }] : [];
  });
  const stores = [
    ...new Set(used.flatMap(({ port }) => port.adapters.find(({ isServed }) => isServed)?.technology ?? [])),
  ];
  const statements = used.reduce((sum, { found }) => sum + found.reads, 0);
  const inTransaction = used.length > 0 && used.every(({ found }) => found.inTransaction);
  return { stores, statements, inTransaction, text: describe(stores, statements, inTransaction) };
}

function describe(stores: readonly string[], statements: number, inTransaction: boolean): string {
  if (stores.length === 0) return 'reads no port of its own';
  if (stores.every((store) => store === 'memory')) return 'the memory of this process, lost when it ends';
  if (inTransaction) return 'one transaction';
  if (statements <= 1) return 'the last commit, in one snapshot';
  return `the last commit, in ${statements} snapshots: each statement has its own`;
}
