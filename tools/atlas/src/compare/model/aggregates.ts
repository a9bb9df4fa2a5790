import { type ClassDeclaration, type MethodDeclaration, Node, type SourceFile, SyntaxKind } from 'ts-morph';
import { told } from './comments';
import type { Aggregate, Part } from './model';
import { lifeCycleOf } from './life-cycle';
import type { Workspace } from './workspace';

/**
 * The aggregates of a context: the classes of its domain that a store keeps (`AggregateStore<Order, …>`) or that yield
 * changes (`Change<Order, …>`), in the order of their files.
 */
export function readAggregates(workspace: Workspace, folder: string): readonly Aggregate[] {
  const domain = domainFiles(workspace, folder);
  const adapters = workspace.files(`${folder}/src/adapters/driven`);
  const names = new Set(
    [...domain, ...adapters].flatMap((file) =>
      file
        .getDescendantsOfKind(SyntaxKind.TypeReference)
        .filter((type) => ['AggregateStore', 'Change'].includes(type.getTypeName().getText()))
        .flatMap((type) => type.getTypeArguments()[0]?.getText() ?? []),
    ),
  );
  for (const file of domain) {
    for (const extended of file.getDescendantsOfKind(SyntaxKind.ExpressionWithTypeArguments)) {
      const [of] = extended.getTypeArguments();
      if (extended.getExpression().getText() === 'Change' && of) names.add(of.getText());
    }
  }
  return domain.flatMap((file) =>
    file
      .getClasses()
      .filter((each) => names.has(each.getName() ?? ''))
      .map((each) => readAggregate(workspace, each)),
  );
}

const domainFiles = (workspace: Workspace, folder: string): readonly SourceFile[] =>
  workspace.files(`${folder}/src/domain`).filter((file) => !file.getFilePath().endsWith('.spec.ts'));

function readAggregate(workspace: Workspace, of: ClassDeclaration): Aggregate {
  const name = of.getName() ?? '';
  const parts = [of, ...partsOf(workspace, of)];
  return {
    name,
    ...told(workspace, of),
    source: workspace.sourceOf(of),
    ...lifeCycleOf(workspace, of),
    operations: changesOf(of).map((method) => ({
      name: method.getName(),
      ...told(workspace, method),
      source: workspace.sourceOf(method),
    })),
    invariants: parts.flatMap((each) => invariantsOf(workspace, each)),
  };
}

/** The methods, static or not, that yield a change or a changed copy. */
export function changesOf(of: ClassDeclaration): readonly MethodDeclaration[] {
  return of.getMethods().filter((method) => {
    const type = method.getReturnTypeNode()?.getText() ?? '';
    const isCopy = type === of.getName() && !method.isStatic();
    return !method.hasModifier('private') && (isCopy || /Change\b/.test(type));
  });
}

/** The classes of the domain that an aggregate's file imports and holds, such as its lines. */
function partsOf(workspace: Workspace, of: ClassDeclaration): readonly ClassDeclaration[] {
  const file = of.getSourceFile();
  const state = of.getConstructors()[0]?.getParameters()[0]?.getTypeNode()?.getText() ?? '';
  const declared = workspace.resolve(file, state);
  const held = Node.isInterfaceDeclaration(declared)
    ? declared.getProperties().map((each) => each.getTypeNode()?.getText() ?? '')
    : [];
  const names = new Set(held.flatMap((type) => type.match(/\b[A-Z]\w*/g) ?? []));
  return [...names].flatMap((name) => {
    const found = workspace.resolve(file, name);
    const isOwn = Node.isClassDeclaration(found) && workspace.pathOf(found).includes('/domain/');
    return isOwn && found !== of ? [found] : [];
  });
}

/** What a class refuses, in the words of its errors. */
function invariantsOf(workspace: Workspace, of: Node): readonly Part[] {
  return of.getDescendantsOfKind(SyntaxKind.ThrowStatement).flatMap((thrown) => {
    const error = thrown.getExpression();
    if (!Node.isNewExpression(error)) return [];
    const [message] = error.getArguments();
    const sentence = message && readable(workspace, message);
    return sentence === undefined ? [] : [{ name: sentence, source: workspace.sourceOf(thrown) }];
  });
}

/** A message as people read it: constants have their values, and what was found instead is left out. */
function readable(workspace: Workspace, message: Node): string | undefined {
  if (Node.isStringLiteral(message) || Node.isNoSubstitutionTemplateLiteral(message)) {
    return message.getLiteralText();
  }
  if (!Node.isTemplateExpression(message)) return undefined;
  const spans = message.getTemplateSpans();
  const text = spans.reduce(
    (sentence, span) =>
      sentence + placeholder(workspace, span.getExpression()) + span.getLiteral().getLiteralText(),
    message.getHead().getLiteralText(),
  );
  return text
    .replace(/[,:]? not …$/, '')
    .replace(/: …$/, '')
    .trim();
}

function placeholder(workspace: Workspace, expression: Node): string {
  if (!Node.isIdentifier(expression)) return '…';
  const value = workspace.constant(expression.getSourceFile(), expression.getText());
  return Node.isNumericLiteral(value) ? value.getLiteralValue().toLocaleString('en') : '…';
}
