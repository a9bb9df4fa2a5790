import { Node, SyntaxKind } from 'ts-morph';
import { told } from './comments';
import { fieldsOf, type Value } from './interpreter';
import type { Policy } from './model';
import type { Wiring } from './wiring';
import type { Workspace } from './workspace';

/**
 * The policies of `ResilienceModule.register(…)`: what the context declares, completed by the library itself as it does
 * when the service starts, without the environment.
 */
export async function readPolicies(workspace: Workspace, wiring: Wiring): Promise<readonly Policy[]> {
  const register = wiring.file
    ?.getDescendantsOfKind(SyntaxKind.CallExpression)
    .find((call) => call.getExpression().getText() === 'ResilienceModule.register');
  const [argument] = register?.getArguments() ?? [];
  const declared = argument && wiring.evaluate(argument);
  const fields = declared && fieldsOf(declared);
  if (!argument || !fields) return [];
  const { loadPolicies } = await import('@atlas/resilience');
  const declarations = Object.fromEntries([...fields].map(([name, value]) => [name, plain(value)]));
  const effective = loadPolicies(declarations as Parameters<typeof loadPolicies>[0]);
  const origin = originOf(workspace, argument);
  return [...fields.keys()].map((name) => ({
    name,
    ...told(workspace, origin),
    source: workspace.sourceOf(origin),
    settings: flat(effective[name]),
    declared: Object.keys(flat(declarations[name])),
  }));
}

/** Where the argument's value is made: the function that is called for it, or the constant. */
function originOf(workspace: Workspace, argument: Node): Node {
  if (!Node.isIdentifier(argument)) return argument;
  const file = argument.getSourceFile();
  const local = file
    .getDescendantsOfKind(SyntaxKind.VariableDeclaration)
    .find((each) => each.getName() === argument.getText());
  const made = local?.getInitializer();
  const called = Node.isCallExpression(made)
    ? workspace.resolve(file, made.getExpression().getText())
    : undefined;
  const origin = called ?? workspace.resolve(file, argument.getText()) ?? local ?? argument;
  return Node.isVariableDeclaration(origin) ? (origin.getVariableStatement() ?? origin) : origin;
}

function plain(value: Value): unknown {
  const fields = fieldsOf(value);
  if (fields) return Object.fromEntries([...fields].map(([name, each]) => [name, plain(each)]));
  return value.kind === 'literal' ? value.value : undefined;
}

/** `{ timeout: { ms: 1 } }` → `timeout.ms`. What is off has no other settings. */
function flat(settings: unknown): Record<string, string> {
  const entries = Object.entries((settings ?? {}) as Record<string, Record<string, unknown> | false>);
  return Object.fromEntries(
    entries.flatMap(([part, values]) => {
      if (values === false || values['enabled'] === false) return [[`${part}.enabled`, 'false']];
      return Object.entries(values)
        .filter(([name]) => name !== 'enabled')
        .map(([name, value]) => [`${part}.${name}`, String(value)]);
    }),
  );
}
