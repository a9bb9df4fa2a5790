import ts from 'typescript';
import { CODE, type Rule, type Workspace } from '../workspace';
import { nodesOf } from '../syntax';

/** The names of the policies that an app asks for: `resilience.policy('provider')`. */
function policiesOf(workspace: Workspace, app: string): ReadonlySet<string> {
  const calls = workspace
    .paths(CODE)
    .filter((path) => path.startsWith(`apps/${app}/`) && workspace.text(path).includes('.policy('))
    .flatMap((path) => nodesOf(workspace.source(path), ts.isCallExpression))
    .filter(
      ({ expression }) => ts.isPropertyAccessExpression(expression) && expression.name.text === 'policy',
    );
  return new Set(
    calls.flatMap(({ arguments: [name] }) => (name && ts.isStringLiteral(name) ? name.text : [])),
  );
}

export const dependenciesAreDeclared: Rule = {
  name: 'Every app declares the dependencies whose policies it uses, and no other',
  check: (workspace) =>
    [...workspace.declarations].flatMap(([app, { dependencies }]) => {
      const used = policiesOf(workspace, app);
      const file = `apps/${app}/context.json`;
      return [
        ...[...used]
          .filter((name) => !dependencies.includes(name))
          .map((name) => `${app} uses the policy "${name}": add it to "dependencies" in ${file}.`),
        ...dependencies
          .filter((name) => !used.has(name))
          .map(
            (name) =>
              `${file} declares the dependency "${name}", whose policy ${app} does not use: use it, or remove the name.`,
          ),
      ];
    }),
};
