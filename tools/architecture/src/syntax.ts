import { posix } from 'node:path';
import ts from 'typescript';

/** Of the files that were looked at: one walk is enough for all rules. */
const walked = new WeakMap<ts.Node, readonly ts.Node[]>();

function allNodes(node: ts.Node): readonly ts.Node[] {
  const known = walked.get(node);
  if (known) return known;
  const found: ts.Node[] = [];
  const visit = (each: ts.Node): void => {
    found.push(each);
    each.forEachChild(visit);
  };
  visit(node);
  if (ts.isSourceFile(node)) walked.set(node, found);
  return found;
}

/** All nodes below and including `node` that `is` accepts. */
export const nodesOf = <Node extends ts.Node>(
  node: ts.Node,
  is: (node: ts.Node) => node is Node,
): readonly Node[] => allNodes(node).filter(is);

/** The names that are used below `node`, as identifiers. */
export const namesIn = (node: ts.Node): ReadonlySet<string> =>
  new Set(nodesOf(node, ts.isIdentifier).map(({ text }) => text));

export interface Import {
  readonly module: string;
  /** What is imported by name; `*` for all of it. */
  readonly names: readonly string[];
  /** Whether only types are imported, which leaves nothing at run time. */
  readonly isType: boolean;
  /** Whether it is a declaration, which lint sees, and no call of `import()` or `require()`. */
  readonly isDeclaration: boolean;
}

/** Everything that a file loads: by `import`, `export … from`, `import()`, `require()` or in a type. */
export function importsOf(source: ts.SourceFile): readonly Import[] {
  return nodesOf(source, ts.isStringLiteralLike).flatMap((literal): Import[] => {
    const { parent, text: module } = literal;
    const all = { module, names: ['*'], isType: false, isDeclaration: false };
    if (ts.isImportDeclaration(parent)) {
      const isType = parent.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword;
      return [{ module, names: namesOf(parent.importClause), isType, isDeclaration: true }];
    }
    if (ts.isExportDeclaration(parent)) return [{ ...all, isType: parent.isTypeOnly, isDeclaration: true }];
    if (ts.isExternalModuleReference(parent)) return [all];
    if (ts.isLiteralTypeNode(parent) && ts.isImportTypeNode(parent.parent)) return [{ ...all, isType: true }];
    const isLoaded =
      ts.isCallExpression(parent) && parent.arguments[0] === literal && isLoader(parent.expression);
    return isLoaded ? [all] : [];
  });
}

function namesOf(clause: ts.ImportClause | undefined): readonly string[] {
  const bindings = clause?.namedBindings;
  if (!clause || clause.name || !bindings || ts.isNamespaceImport(bindings)) return ['*'];
  return bindings.elements
    .filter(({ isTypeOnly }) => !isTypeOnly)
    .map(({ name, propertyName }) => (propertyName ?? name).text);
}

const isLoader = (callee: ts.Expression): boolean =>
  callee.kind === ts.SyntaxKind.ImportKeyword || (ts.isIdentifier(callee) && callee.text === 'require');

/** The path of a relative import, without its ending; undefined if it is a package. */
export const targetOf = (path: string, module: string): string | undefined =>
  module.startsWith('.') ? posix.join(posix.dirname(path), module) : undefined;

/** The decorators of a class or method: their names and arguments. */
export function decoratorsOf(node: ts.HasDecorators): ReadonlyMap<string, ts.NodeArray<ts.Expression>> {
  const calls = (ts.getDecorators(node) ?? []).flatMap(({ expression }) =>
    ts.isCallExpression(expression) && ts.isIdentifier(expression.expression)
      ? [[expression.expression.text, expression.arguments] as const]
      : [],
  );
  return new Map(calls);
}

/** What a class extends, by name. */
export function baseOf(node: ts.ClassDeclaration): string | undefined {
  const clause = node.heritageClauses?.find(({ token }) => token === ts.SyntaxKind.ExtendsKeyword);
  const base = clause?.types[0]?.expression;
  return base && ts.isIdentifier(base) ? base.text : undefined;
}

export const isAbstract = (node: ts.ClassDeclaration): boolean =>
  node.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.AbstractKeyword) ?? false;
