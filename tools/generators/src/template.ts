import type { Tree } from '@nx/devkit';
import { tableOf } from './names';
import { Refusal } from './refusal';
import { render, type Replacement } from './render';
import { writeTidy } from './tidy';
import { filesBelow, read, TEMPLATE } from './workspace';

/**
 * What tools/template calls its context, its aggregate and the event that it listens to. Each has two words, so that
 * every spelling differs from every other and from anything else in the code.
 */
export const CONTEXT = 'help-desk';
export const AGGREGATE = 'support-case';
export const OTHER_CONTEXT = 'front-desk';
export const EVENT = 'guest-arrived';

/** The times of the template's migrations, which generated ones replace by their own; the same in all files of a run. */
const TIMESTAMP = /179573770000\d/g;
const NOW = String(Date.now());

export const replacementsFor = (context: string, aggregate: string): readonly Replacement[] => [
  { from: CONTEXT, to: context },
  { from: AGGREGATE, to: aggregate, plural: true, snake: tableOf(aggregate) },
];

export const PORT = 'phone-book';

/** Whether a file of the template belongs to its consumer. */
export const isOfConsumer = (path: string): boolean => path.includes(EVENT) || path.includes(OTHER_CONTEXT);

/** Whether a file of the template belongs to its further port. */
export const isOfPort = (path: string): boolean => path.includes(PORT);

/** The context has these parts only if a generator adds them. */
const OPTIONAL = /RecordGuestArrived|FrontDeskHandler|PhoneBook|phoneBook/;
/** As part of a longer line. */
const OPTIONAL_ELEMENTS =
  /, (?:FrontDeskHandler|PhoneBookEntity|PhoneBook\d{13})(?=[\],])|PhoneBook, (?=SupportCaseRepository)/g;
/** With its comment. */
const PORT_CLASS = /\n\/\*\*[^\n]*\*\/\nexport abstract class PhoneBook \{\n[\s\S]*?\n\}\n/;

/** A text of the template without its optional parts. */
export const withoutOptional = (text: string): string =>
  text
    .replace(PORT_CLASS, '')
    .replaceAll(OPTIONAL_ELEMENTS, '')
    .split('\n')
    .filter((line) => !OPTIONAL.test(line))
    .join('\n');

/** The text of the class of the template's further port, with its comment. */
export const portClassIn = (text: string): string => PORT_CLASS.exec(text)?.[0] ?? '';

/** A rendered text as it stands in apps/, where the published language is that of @atlas/contracts. */
export const asInApps = (text: string): string =>
  text
    .replaceAll(/'(?:\.\.\/)+language'/g, "'@atlas/contracts'")
    .replaceAll(TIMESTAMP, NOW)
    .replaceAll(/\['([a-z][a-z0-9]*)'\]\.port/g, '.$1.port');

/** What gives a path or a text of the template its new names. */
export type Renderer = (text: string) => string;

export const rendererFor =
  (replacements: readonly Replacement[]): Renderer =>
  (text) =>
    asInApps(render(text, replacements));

/**
 * Writes files of the template to a context's folder.
 * @param isWanted asked with each path of the template.
 * @throws Refusal if one of them exists.
 */
export async function writeFromTemplate(
  tree: Tree,
  root: string,
  isWanted: (path: string) => boolean,
  rendered: Renderer,
): Promise<void> {
  for (const source of filesBelow(tree, TEMPLATE).filter(isWanted)) {
    const target = `${root}/${rendered(source.slice(TEMPLATE.length + 1))}`;
    if (tree.exists(target)) throw new Refusal(`${target} exists already: choose another name.`);
    await writeTidy(tree, target, rendered(read(tree, source)));
  }
}
