import ts from 'typescript';
import { type Rule, type Workspace } from '../workspace';
import { decoratorsOf, nodesOf } from '../syntax';

const METHODS = ['Get', 'Head', 'Post', 'Put', 'Patch', 'Delete', 'All'] as const;

interface Route {
  /** Such as `POST /loans/:id/return`. */
  readonly name: string;
  readonly method: string;
  readonly file: string;
  /** What decorates the method or its class. */
  readonly decorators: ReadonlySet<string>;
}

/** The routes of all controllers, those of the platform included. */
function routesOf(workspace: Workspace): readonly Route[] {
  const files = workspace.paths(/^(?:apps|libs)\/[^/]+\/src\/.*(?<!\.(?:spec|contract))\.ts$/);
  const controllers = files.filter((file) => workspace.text(file).includes('@Controller('));
  return controllers.flatMap((file) =>
    nodesOf(workspace.source(file), ts.isClassDeclaration).flatMap((controller) => {
      const ofClass = decoratorsOf(controller);
      const prefix = ofClass.get('Controller');
      if (!prefix) return [];
      return controller.members.filter(ts.isMethodDeclaration).flatMap((member) => {
        const decorators = decoratorsOf(member);
        return METHODS.filter((method) => decorators.has(method)).map((method) => ({
          name: `${method.toUpperCase()} ${pathOf(prefix[0], decorators.get(method)?.[0])}`,
          method: method.toUpperCase(),
          file,
          decorators: new Set([...ofClass.keys(), ...decorators.keys()]),
        }));
      });
    }),
  );
}

const pathOf = (...parts: readonly (ts.Expression | undefined)[]): string =>
  `/${parts
    .flatMap((part) => (part && ts.isStringLiteralLike(part) && part.text ? [part.text] : []))
    .join('/')}`;

/** What makes a POST safe to repeat. The provider keeps keys of its own, as another company would. */
const SAFE = ['Idempotent', 'Repeatable', 'ApiIdempotencyKey'];

export const writesAreIdempotent: Rule = {
  name: 'Every write route is safe to repeat',
  check: (workspace) =>
    routesOf(workspace)
      // By their definition, the others are: PUT and DELETE say what shall be (RFC 9110).
      .filter(({ method }) => ['POST', 'PATCH', 'ALL'].includes(method))
      .filter(({ decorators }) => !SAFE.some((name) => decorators.has(name)))
      .map(
        ({ name, file }) =>
          `${name} in ${file} is not safe to repeat: decorate it with @Idempotent(), or with @Repeatable('why') if ` +
          'its effect can happen only once anyway.',
      ),
};

export const routesHaveAudience: Rule = {
  name: 'Every route says who may call it',
  check: (workspace) =>
    routesOf(workspace)
      .filter(({ decorators }) => !decorators.has('Audience'))
      .map(
        ({ name, file }) =>
          `${name} in ${file} does not say who may call it: decorate it or its controller with @Audience(…).`,
      ),
};
