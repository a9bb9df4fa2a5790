import type { Tree } from '@nx/devkit';
import { ts } from 'ts-morph';
import { parse as parseYaml } from 'yaml';
import { Refusal } from './refusal';
import {
  CONTRACTS,
  declarations,
  fileOfContract,
  filesBelow,
  projectNames,
  read,
  TEMPLATE,
} from './workspace';
import { pluralOf, singularOf, wordsOf } from './words';

/** Longer names make the names of topics, roles and containers too long. */
const MAX_NAME = 40;

const NAME = /^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/;

/** Words that PostgreSQL doesn't take as the name of a table (appendix C of its manual, "reserved"). */
const RESERVED_BY_SQL = new Set(
  (
    'all analyse analyze and any array as asc asymmetric authorization binary both case cast check collate collation ' +
    'column concurrently constraint create cross current_catalog current_date current_role current_schema ' +
    'current_time current_timestamp current_user default deferrable desc distinct do else end except false fetch for ' +
    'foreign freeze from full grant group having ilike in initially inner intersect into is isnull join lateral ' +
    'leading left like limit localtime localtimestamp natural not notnull null offset on only or order outer overlaps ' +
    'placing primary references returning right select session_user similar some symmetric system_user table ' +
    'tablesample then to trailing true union unique user using variadic verbose when where window with'
  ).split(' '),
);

/** The name of an aggregate's table: its own, or its plural where PostgreSQL has reserved that. */
export function tableOf(aggregate: string): string {
  const { snake } = wordsOf(aggregate);
  return RESERVED_BY_SQL.has(snake) ? wordsOf(pluralOf(aggregate)).snake : snake;
}

/** @throws Refusal if a migration, of whatever context or of the platform, creates such a table. */
export function mustBeFreeTable(tree: Tree, table: string): void {
  const creates = new RegExp(`\\bCREATE TABLE (?:IF NOT EXISTS )?${table}\\b`);
  const owner = ['apps', 'libs']
    .flatMap((folder) => filesBelow(tree, folder))
    .find((file) => file.includes('/migrations/') && creates.test(read(tree, file)));
  if (owner) throw new Refusal(`${owner} has a table "${table}" already: choose another name.`);
}

/** @throws Refusal if it is not a name in this repository's style. @param what such as "a context". */
export function mustBeName(what: string, name: string, example: string): void {
  if (!NAME.test(name) || name.length > MAX_NAME) {
    throw new Refusal(
      `"${name}" can't be the name of ${what}: use at most ${MAX_NAME} lower-case letters, digits and hyphens, ` +
        `such as "${example}".`,
    );
  }
}

/** @throws Refusal if TypeScript has the word for itself. */
function mustBeIdentifier(what: string, name: string): void {
  const { camel } = wordsOf(name);
  const scanner = ts.createScanner(ts.ScriptTarget.Latest, true, ts.LanguageVariant.Standard, camel);
  if (scanner.scan() !== ts.SyntaxKind.Identifier) {
    throw new Refusal(`"${name}" can't be the name of ${what}: "${camel}" is a word of TypeScript.`);
  }
}

/** @throws Refusal if there can't be a new context with this name. */
export function mustBeFreeContext(tree: Tree, name: string): void {
  mustBeName('a context', name, 'shipping');
  mustBeIdentifier('a context', name);
  if (tree.exists(`apps/${name}`))
    throw new Refusal(`There is an app "${name}" already: choose another name.`);
  const others = declarations(tree);
  const taken = new Set([
    ...others.flatMap(({ processes }) => Object.keys(processes ?? {})),
    ...Object.keys((parseYaml(read(tree, 'compose.yaml')) as { services: object }).services),
    // The command, what an image answers to, and the database of the embedded log.
    ...['atlas', 'health', 'event-log', 'test'],
    ...projectNames(tree),
  ]);
  if (taken.has(name) || taken.has(`${name}-relay`) || name.endsWith('-relay')) {
    throw new Refusal(
      `"${name}" can't be the name of a context: a process, a project or a part of the platform is called so.`,
    );
  }
  const other = others.find((each) => singularOf(each.name) === singularOf(name));
  if (other) {
    throw new Refusal(
      `"${name}" and the context "${other.name}" would differ in number only: choose another name, or add to ${other.name}.`,
    );
  }
  const contract = `${CONTRACTS}/${name}.ts`;
  if (tree.exists(contract)) throw new Refusal(`${contract} exists already: choose another name.`);
}

/** @throws Refusal if there can't be a new aggregate with this name. */
export function mustBeFreeAggregate(tree: Tree, aggregate: string): void {
  mustBeName('an aggregate', aggregate, 'shipment');
  mustBeIdentifier('an aggregate', aggregate);
  const hint = 'choose another by --aggregate NAME';
  if (singularOf(aggregate) !== aggregate || pluralOf(aggregate) === aggregate) {
    throw new Refusal(
      `"${aggregate}" can't be the name of an aggregate: it must be singular and differ from its plural; ${hint}.`,
    );
  }
  const { pascal } = wordsOf(aggregate);
  const owner = fileOfContract(tree, `${pascal}Opened`) ?? fileOfContract(tree, `${pascal}Closed`);
  if (owner) throw new Refusal(`${owner} has events of "${aggregate}" already: ${hint}.`);
  mustBeFreeTable(tree, tableOf(aggregate));
}

/**
 * Checks that no name of the new context meets one that the generated code uses for something else, such as `Clock`.
 * @param renamed the identifiers that come from the names.
 * @throws Refusal if one does.
 */
export function mustNotMeetOtherNames(
  tree: Tree,
  rename: (text: string) => string,
  named: { readonly context: string; readonly aggregate: string },
): void {
  for (const file of filesBelow(tree, TEMPLATE).filter((each) => each.endsWith('.ts'))) {
    const identifiers = new Set(read(tree, file).match(/[A-Za-z_$][\w$]*/g));
    const renamed = new Map([...identifiers].map((each) => [each, rename(each)]));
    const met = [...renamed].find(([from, to]) => from !== to && renamed.get(to) === to);
    if (met) {
      throw new Refusal(
        `A context "${named.context}" with the aggregate "${named.aggregate}" can't be generated: the generated code ` +
          `uses the name "${met[1]}" for something else; choose another by --aggregate NAME.`,
      );
    }
  }
}

/** The aggregate of a context unless the user names it: the singular of its name, or a case of it. */
export function aggregateOf(context: string): string {
  const singular = singularOf(context);
  return singular === context ? `${context}-case` : singular;
}
