import {
  type CallExpression,
  type ClassDeclaration,
  Node,
  type ObjectLiteralExpression,
  type SourceFile,
  SyntaxKind,
} from 'ts-morph';
import { Interpreter, literal, type Value } from './interpreter';
import { told } from './comments';
import type { Job, Setting } from './model';
import type { Workspace } from './workspace';

/** What the composition root of a context says: `<name>.module.ts`. */
export interface Wiring {
  readonly file: SourceFile | undefined;
  /** The port that is served, and by which class. */
  readonly served: readonly {
    readonly port: string;
    readonly adapter: string;
    readonly call: CallExpression;
  }[];
  readonly jobs: readonly JobWiring[];
  readonly settings: readonly Setting[];
  /** Evaluates an expression of the module, with the settings' defaults. */
  readonly evaluate: (expression: Node) => Value | undefined;
}

interface JobWiring extends Job {
  /** The classes that it names, as the module does. */
  readonly classes: readonly string[];
}

export function readWiring(workspace: Workspace, folder: string, name: string): Wiring {
  const file = workspace.file(`${folder}/src/${name}.module.ts`);
  const settings = readSettings(workspace, `${folder}/src/${name}.settings.ts`);
  const interpreter = new Interpreter(workspace);
  const defaults = new Map(
    settings.flatMap(({ name: each, fallback }) =>
      fallback === undefined ? [] : [[each, literal(numberOr(fallback))] as const],
    ),
  );
  const names = new Map<string, Value>([['settings', { kind: 'object', fields: defaults, isOpen: true }]]);
  for (const variable of file?.getDescendantsOfKind(SyntaxKind.VariableDeclaration) ?? []) {
    const initial = variable.getInitializer();
    // Lists of providers are read from their calls.
    if (!initial || Node.isArrayLiteralExpression(initial)) continue;
    const [value] = interpreter.evaluate(initial, names);
    if (value) names.set(variable.getName(), value);
  }
  const evaluate = (expression: Node): Value | undefined => interpreter.evaluate(expression, names)[0];

  const calls = file?.getDescendantsOfKind(SyntaxKind.CallExpression) ?? [];
  return {
    file,
    served: calls.flatMap((call) => {
      const [port, adapter] = call.getArguments();
      return call.getExpression().getText() === 'serve' && port && adapter
        ? [{ port: port.getText(), adapter: adapter.getText(), call }]
        : [];
    }),
    jobs: file ? jobsOf(workspace, file, evaluate) : [],
    settings,
    evaluate,
  };
}

/** An object with `name` and `everyMs` is a job. */
function jobsOf(workspace: Workspace, file: SourceFile, evaluate: Wiring['evaluate']): readonly JobWiring[] {
  return file.getDescendantsOfKind(SyntaxKind.ObjectLiteralExpression).flatMap((object) => {
    const [name, everyMs] = ['name', 'everyMs'].map((field) => initialOf(object, field));
    if (!name || !everyMs) return [];
    const title = evaluate(name);
    const every = evaluate(everyMs);
    const classes = ['claim', 'work', 'record', 'command'].flatMap(
      (field) => initialOf(object, field)?.getText() ?? [],
    );
    return [
      {
        name: title?.kind === 'literal' ? String(title.value) : name.getText(),
        ...told(workspace, object),
        source: workspace.sourceOf(object),
        everyMs: every?.kind === 'literal' ? Number(every.value) : undefined,
        classes,
        runs: [],
      },
    ];
  });
}

export function initialOf(object: ObjectLiteralExpression, name: string): Node | undefined {
  const property = object.getProperty(name);
  if (Node.isPropertyAssignment(property)) return property.getInitializer();
  return Node.isShorthandPropertyAssignment(property) ? property.getNameNode() : undefined;
}

/** The context's own settings: fields in capitals, with what `.default(…)` and `.describe(…)` say. */
function readSettings(workspace: Workspace, path: string): readonly Setting[] {
  const file = workspace.file(path);
  if (!file) return [];
  return file.getDescendantsOfKind(SyntaxKind.PropertyAssignment).flatMap((property) => {
    const name = property.getName();
    const schema = property.getInitializer();
    if (!/^[A-Z][A-Z0-9_]+$/.test(name) || !schema) return [];
    const fallback = argumentOf(schema, 'default');
    const describe = argumentOf(schema, 'describe');
    const { why } = told(workspace, property);
    const says = describe && textOf(describe);
    return [
      {
        name,
        ...(says !== undefined && { says }),
        ...(why && { why }),
        source: workspace.sourceOf(property),
        fallback: fallback && textOf(fallback),
      },
    ];
  });
}

/** The argument of `.name(…)` in a chain of calls. */
function argumentOf(chain: Node, name: string): Node | undefined {
  for (let each: Node | undefined = chain; Node.isCallExpression(each);) {
    const callee: Node = each.getExpression();
    if (!Node.isPropertyAccessExpression(callee)) return undefined;
    if (callee.getName() === name) return each.getArguments()[0];
    each = callee.getExpression();
  }
  return undefined;
}

function textOf(node: Node): string {
  if (Node.isStringLiteral(node) || Node.isNoSubstitutionTemplateLiteral(node)) return node.getLiteralText();
  if (Node.isNumericLiteral(node)) return String(node.getLiteralValue());
  if (Node.isTemplateExpression(node))
    return node
      .getText()
      .slice(1, -1)
      .replace(/\$\{[^}]+\}/g, '…');
  return node.getText();
}

const numberOr = (text: string): string | number =>
  text !== '' && Number.isFinite(Number(text)) ? Number(text) : text;

/** The types of a class's constructor parameters and fields, by name, without type arguments. */
export function fieldTypesOf(of: ClassDeclaration): ReadonlyMap<string, string> {
  const bare = (type: string) => type.replace(/<[\s\S]*$/, '').trim();
  const parameters = of
    .getConstructors()
    .flatMap((constructor) => constructor.getParameters())
    .map((each) => [each.getName(), bare(each.getTypeNode()?.getText() ?? '')] as const);
  const properties = of
    .getProperties()
    .map((each) => [each.getName(), bare(each.getTypeNode()?.getText() ?? '')] as const);
  return new Map([...parameters, ...properties]);
}

/** The calls `this.<field>.<method>(…)` in a node. */
export function fieldCalls(
  node: Node,
): readonly { readonly field: string; readonly method: string; readonly call: CallExpression }[] {
  return node.getDescendantsOfKind(SyntaxKind.CallExpression).flatMap((call) => {
    const callee = call.getExpression();
    if (!Node.isPropertyAccessExpression(callee)) return [];
    const of = callee.getExpression();
    return Node.isPropertyAccessExpression(of) && Node.isThisExpression(of.getExpression())
      ? [{ field: of.getName(), method: callee.getName(), call }]
      : [];
  });
}
