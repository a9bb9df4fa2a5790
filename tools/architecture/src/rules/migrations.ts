import ts from 'typescript';
import { appOf, type Rule, type Workspace } from '../workspace';
import { nodesOf } from '../syntax';

const MIGRATION = /^(?:apps|libs)\/[^/]+\/src\/.*\/migrations\/[^/]+\.ts$/;

/** The SQL that a migration runs, without that which would undo it. */
function sqlOf(workspace: Workspace, path: string): string {
  const source = workspace.source(path);
  const up = nodesOf(source, ts.isMethodDeclaration).find(
    ({ name }) => ts.isIdentifier(name) && name.text === 'up',
  );
  return up?.getText(source) ?? '';
}

/** Statements that processes of the last version may not survive, and what each is called. */
const NARROWING: readonly (readonly [RegExp, string])[] = [
  [/\bDROP\s+(?:TABLE|COLUMN|VIEW|SCHEMA|TYPE)\b/i, 'drops what they may still use'],
  [/\bRENAME\b/i, 'renames what they know by its old name'],
  [/\bALTER\s+(?:COLUMN\s+)?"?\w+"?\s+(?:SET\s+DATA\s+)?TYPE\b/i, "changes a column's type"],
  [/\bSET\s+NOT\s+NULL\b/i, 'requires a value that they may not write'],
  [
    /\bADD\s+(?:COLUMN\s+)?(?:IF\s+NOT\s+EXISTS\s+)?(?!CONSTRAINT\b|CHECK\b|UNIQUE\b|PRIMARY\b|FOREIGN\b|COLUMN\b|IF\b)"?\w+"?\s(?![^,;]*\b(?:DEFAULT|GENERATED)\b)[^,;]*\bNOT\s+NULL\b/i,
    'adds a column that they do not write, NOT NULL without a default',
  ],
];

/** In the SQL of a migration that may narrow, because nothing uses any more what it takes away. */
const CONTRACT = /--\s*contract:\s*\S/;

/** Old and new processes share the schema during an upgrade: docs/operations.md. */
export const migrationsExpand: Rule = {
  name: 'A migration leaves processes of the last version working',
  check: (workspace) =>
    workspace.paths(MIGRATION).flatMap((path) => {
      const sql = sqlOf(workspace, path);
      if (CONTRACT.test(sql)) return [];
      return NARROWING.filter(([statement]) => statement.test(sql)).map(
        ([, what]) =>
          `${path} ${what}, and during an upgrade they still run: only add now, and take away in a later release what nothing ` +
          'uses any more, with a comment "-- contract: why nothing uses it" in the SQL. See docs/operations.md.',
      );
    }),
};

/** The job of a cluster runs all files of the folder; a service that migrates by itself runs what its module lists. */
export const migrationsAreListed: Rule = {
  name: 'Every migration is listed in the module of its context',
  check: (workspace) =>
    workspace.paths(MIGRATION).flatMap((path) => {
      if (!path.startsWith('apps/')) return [];
      const module = `apps/${appOf(path)}/src/${appOf(path)}.module.ts`;
      const listed = /\bmigrations: \[([^\]]*)\]/.exec(workspace.text(module))?.[1] ?? '';
      return nodesOf(workspace.source(path), ts.isClassDeclaration)
        .flatMap(({ name }) => (name ? [name.text] : []))
        .filter((name) => !listed.split(/[\s,]+/).includes(name))
        .map(
          (name) =>
            `${path} declares ${name}, which ${module} does not list: add it to the "migrations" there.`,
        );
    }),
};
