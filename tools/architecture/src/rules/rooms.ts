import ts from 'typescript';
import type { ContextDeclaration } from '@atlas/context';
import { nodesOf } from '../syntax';
import type { Rule } from '../workspace';

type Condition = (declaration: ContextDeclaration) => boolean;

const consumes: Condition = ({ topics }) => (topics.consumes ?? []).length > 0;
const publishes: Condition = ({ topics }) => topics.publishes !== undefined;
const hasDatabase: Condition = ({ database }) => database !== undefined;

/** What every context has below its folder, or every one that declares what it is for; `<context>` is its name. */
const NEEDED: readonly (readonly [pattern: string, what: string, when?: Condition])[] = [
  ['context.json', 'its declaration'],
  ['project.json', 'its name, tags and targets for Nx'],
  ['src/main.ts', 'what its process runs'],
  ['src/<context>.app.ts', 'what main.ts boots'],
  ['src/<context>.module.ts', 'the composition root'],
  ['src/<context>.settings.ts', 'its settings'],
  ['src/<context>.audit.ts', 'the invariants that the audit checks'],
  ['src/domain/*.ts', 'aggregates and their events'],
  ['src/application/ports.ts', 'what it needs from outside'],
  ['src/application/commands/*.ts', 'what changes something'],
  ['src/application/queries/*.ts', 'what only reads'],
  ['src/adapters/driving/http/*.controller.ts', 'its HTTP API'],
  ['src/adapters/driving/events/*.handler.ts', "the handlers of others' events", consumes],
  ['src/adapters/driven/events/published-events.ts', 'its events in the published language', publishes],
  ['src/adapters/driven/postgres/migrations/*.ts', 'its tables', hasDatabase],
  ['src/adapters/driven/memory/*.ts', 'its ports in memory, for unit tests'],
  ['test/ports.spec.ts', 'the contract suites of its ports on every adapter'],
  ['test/<context>.spec.ts', 'the context with its real database'],
];

/** The rooms that an app may have. */
const ROOMS: readonly RegExp[] = [
  /^src\/domain\/[^/]+\.ts$/,
  /^src\/application\/ports\.ts$/,
  /^src\/application\/(?:commands|queries)\/[^/]+\.ts$/,
  /^src\/adapters\/driving\/http\/[^/]+\.ts$/,
  /^src\/adapters\/driving\/events\/[^/]+\.handler(?:\.spec)?\.ts$/,
  /^src\/adapters\/driving\/jobs\/[^/]+\.job(?:\.spec)?\.ts$/,
  /^src\/adapters\/driving\/telemetry\/[^/]+\.ts$/,
  /^src\/adapters\/driven\/[^/]+\/(?:migrations\/)?[^/]+\.ts$/,
];

const glob = (pattern: string, context: string): RegExp =>
  new RegExp(
    `^apps/${context}/${pattern
      .replaceAll('<context>', context)
      .replaceAll('.', '\\.')
      .replaceAll('*', '[^/]+')}$`,
  );

export const sameRooms: Rule = {
  name: 'Every context has the same rooms under the same names',
  check: (workspace) => {
    const missing = workspace.contexts.flatMap((context) => {
      const declaration = workspace.declarations.get(context) as ContextDeclaration;
      return NEEDED.filter(([, , when]) => when?.(declaration) ?? true)
        .filter(([pattern]) => workspace.paths(glob(pattern, context)).length === 0)
        .map(
          ([pattern, what]) =>
            `apps/${context} has no ${pattern.replaceAll('<context>', context)}, ${what}: add it, as the other ` +
            'contexts have it.',
        );
    });
    const strange = [...workspace.declarations.keys()].flatMap((app) => {
      const own = new RegExp(`^src/(?:main|${app}\\.(?:app|audit|module|settings))\\.ts$`);
      return workspace
        .paths(new RegExp(`^apps/${app}/src/.*\\.ts$`))
        .map((path) => path.slice(`apps/${app}/`.length))
        .filter((path) => !own.test(path) && !ROOMS.some((room) => room.test(path)))
        .map(
          (path) =>
            `apps/${app}/${path} is in no room: move it to domain, application, adapters/driving or adapters/driven, ` +
            'see docs/adr/0002-rooms-and-the-import-rule.md.',
        );
    });
    return [...missing, ...strange];
  },
};

export const useCases: Rule = {
  name: 'Every command and query is one file with one class that has one execute()',
  check: (workspace) =>
    workspace
      .paths(/^apps\/[^/]+\/src\/application\/(?:commands|queries)\/[^/]+(?<!\.spec)\.ts$/)
      .flatMap((path) => {
        const name = path
          .replace(/^.*\/|\.ts$/g, '')
          .replace(/(?:^|-)(\w)/g, (_, first: string) => first.toUpperCase());
        const cases = nodesOf(workspace.source(path), ts.isClassDeclaration).filter(({ members }) =>
          members.some((member) => ts.isMethodDeclaration(member) && member.name.getText() === 'execute'),
        );
        if (cases.length === 1 && cases[0]?.name?.text === name) return [];
        const found = cases.map((each) => each.name?.text ?? 'a class without a name').join(', ') || 'none';
        return [
          `${path} must have one class with execute(), ${name}, and has ${found}: name the class as the file, and give ` +
            'every use case a file of its own.',
        ];
      }),
};
