import { articleOf, pluralOf, type Words, wordsOf } from './words';

/** What the template calls things, and what they become. */
export interface Replacement {
  /** In the template: two words, so that every spelling of it differs. */
  readonly from: string;
  readonly to: string;
  /** Replaces its plural, too. */
  readonly plural?: boolean;
  /** Its name in the database, unless it follows from `to`. */
  readonly snake?: string;
}

const SPELLINGS = ['kebab', 'camel', 'pascal', 'constant', 'snake', 'prose', 'title'] as const;

/** Replaces every spelling of every name, in a path or a text. */
export function render(text: string, replacements: readonly Replacement[]): string {
  const spelled = new Map<string, string>();
  const add = (from: Words, to: Words) => {
    for (const spelling of SPELLINGS) spelled.set(from[spelling], to[spelling]);
  };
  for (const { from, to, plural, snake } of replacements) {
    if (plural) add(wordsOf(pluralOf(from)), wordsOf(pluralOf(to)));
    const words = wordsOf(to);
    add(wordsOf(from), { ...words, snake: snake ?? words.snake });
  }
  // The longest first: a plural contains its singular.
  const names = [...spelled.keys()].sort((a, b) => b.length - a.length);
  const pattern = new RegExp(`(?:\\b([Aa]) )?(${names.join('|')})`, 'g');
  return text.replace(pattern, (_, article: string | undefined, name: string) => {
    const replaced = spelled.get(name) as string;
    if (article === undefined) return replaced;
    const right = articleOf(replaced);
    return `${article === 'A' ? right.replace('a', 'A') : right} ${replaced}`;
  });
}
