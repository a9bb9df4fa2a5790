import { appOf, CODE, type Rule } from '../workspace';
import { importsOf, targetOf } from '../syntax';

/** Lint checks where import declarations lead (eslint.config.mjs); these are the ways around them. */
export const importsAreSeen: Rule = {
  name: 'Apps import by declarations, which lint sees',
  check: (workspace) =>
    workspace.paths(CODE).flatMap((path) => {
      if (!path.startsWith('apps/')) return [];
      const source = workspace.source(path);
      const loads = importsOf(source)
        .filter(({ isDeclaration }) => !isDeclaration)
        .map(
          ({ module }) =>
            `${path} loads "${module}" with import() or require(), which the import rules don't see: write it as an ` +
            'import declaration.',
        );
      const off = /eslint-disable(?!.*@typescript-eslint\/)/.test(source.text)
        ? [
            `${path} switches lint rules off: remove the comment. If a rule is wrong here, change it in ` +
              'eslint.config.mjs for all contexts.',
          ]
        : [];
      return [...loads, ...off];
    }),
};

export const contextsApart: Rule = {
  name: 'Contexts import nothing of each other',
  check: (workspace) =>
    workspace.paths(/^apps\/.*\.ts$/).flatMap((path) =>
      importsOf(workspace.source(path)).flatMap(({ module }) => {
        const target = targetOf(path, module);
        if (!target?.startsWith('apps/') || appOf(target) === appOf(path)) return [];
        // A test may start the stand-in for the company outside.
        if (isTest(path) && workspace.declarations.get(appOf(target))?.kind === 'outside') return [];
        return [
          `${path} imports ${target}: contexts share nothing but events. Consume the events of ${appOf(target)}, or ` +
            'move what both need to libs/.',
        ];
      }),
    ),
};

const isTest = (path: string): boolean => /\.spec\.ts$|\/test\//.test(path);
