import ts from 'typescript';
import { appOf, CODE, type Rule, type Workspace } from '../workspace';
import { nodesOf } from '../syntax';

/** The owner of the tables that every database has: outbox, inbox and the like. */
const PLATFORM = 'the platform';

/** The text of all strings of a file, placeholders left out. */
function stringsOf(workspace: Workspace, path: string): string {
  const source = workspace.source(path);
  const parts = nodesOf(
    source,
    (node): node is ts.StringLiteralLike | ts.TemplateHead | ts.TemplateMiddle | ts.TemplateTail =>
      ts.isStringLiteralLike(node) ||
      ts.isTemplateHead(node) ||
      ts.isTemplateMiddle(node) ||
      ts.isTemplateTail(node),
  );
  return parts.map(({ text }) => text).join('\n');
}

const matches = (text: string, pattern: RegExp): readonly string[] =>
  [...text.matchAll(pattern)].map(([, name]) => (name as string).replaceAll('"', ''));

interface Table {
  readonly name: string;
  /** A context, or the platform. */
  readonly owner: string;
  readonly file: string;
}

const ownerOf = (path: string): string => (path.startsWith('apps/') ? appOf(path) : PLATFORM);

/** The tables that migrations create. */
function tablesOf(workspace: Workspace): readonly Table[] {
  return workspace
    .paths(/^(?:apps|libs)\/[^/]+\/src\/.*\/migrations\/[^/]+\.ts$/)
    .flatMap((file) =>
      matches(stringsOf(workspace, file), /\bCREATE (?:UNLOGGED )?TABLE (?:IF NOT EXISTS )?("?\w+"?)/gi).map(
        (name) => ({ name, owner: ownerOf(file), file }),
      ),
    );
}

export const tablesHaveOwners: Rule = {
  name: 'Every table has one owner, whose migrations create it',
  check: (workspace) => {
    const tables = tablesOf(workspace);
    const doubled = tables.flatMap((table) => {
      const first = tables.find(({ name }) => name === table.name) as Table;
      if (first === table || first.file === table.file) return [];
      return [
        `The table ${table.name} is created by ${first.file} and by ${table.file}: a table has one owner, and its name ` +
          'says which. Give one of them another name.',
      ];
    });
    const unowned = workspace.paths(CODE).flatMap((path) => {
      if (!path.startsWith('apps/')) return [];
      return matches(workspace.text(path), /\btableName: '(\w+)'/g)
        .filter((name) => !tables.some((table) => table.name === name && table.owner === appOf(path)))
        .map(
          (name) =>
            `${path} maps the table ${name}, which no migration of ${appOf(path)} creates: add it to a migration in ` +
            `apps/${appOf(path)}/src/adapters/driven/postgres/migrations/.`,
        );
    });
    return [...doubled, ...unowned];
  },
};

export const databasesArePrivate: Rule = {
  name: "No context reads another's database",
  check: (workspace) => {
    const tables = tablesOf(workspace);
    return workspace.paths(CODE).flatMap((path) => {
      if (!path.startsWith('apps/')) return [];
      const app = appOf(path);
      const text = stringsOf(workspace, path);
      const named = new Set(
        matches(text, /\b(?:FROM|JOIN|INTO|UPDATE|TABLE|REFERENCES)\s+(?:ONLY\s+)?("?\w+"?)/gi),
      );
      const foreign = [...named]
        .filter((name) => !tables.some((table) => table.name === name && table.owner === app))
        .flatMap((name) => tables.filter((table) => table.name === name))
        .map(({ name, owner }) =>
          owner === PLATFORM
            ? `${path} uses the table ${name} of the platform in its SQL: use the port that serves it (libs/ports).`
            : `${path} uses the table ${name} of ${owner} in its SQL: consume the events of ${owner} and keep what is ` +
              'needed in a table of its own.',
        );
      const urls = matches(workspace.text(path), /\b(\w+_DATABASE_URL)\b/g).map(
        (name) =>
          `${path} names ${name}: a process has one database, DATABASE_URL. Consume the events of the other context.`,
      );
      return [...foreign, ...new Set(urls)];
    });
  },
};
