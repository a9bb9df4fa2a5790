import type { ContextModel } from './model/model';

/** Replaces what a context calls itself and its main aggregate by a sign, as names and texts of two contexts are compared. */
export type Words = (text: string) => string;

const SIGN = '▢';

/** The aggregate that the context is about: the first with a life cycle, otherwise the first. */
export const mainAggregateOf = ({ aggregates }: ContextModel): string | undefined =>
  (aggregates.find(({ states }) => states.length > 0) ?? aggregates[0])?.name;

export function wordsOf(model: ContextModel): Words {
  const own = [model.name, mainAggregateOf(model)]
    .filter((word) => word !== undefined)
    .flatMap((word) => [...new Set([word, kebab(word), kebab(word).replaceAll('-', '_'), pascal(word)])])
    .sort((a, b) => b.length - a.length);
  // A word ends where the next part of a name begins; its plural is the same word.
  const pattern = new RegExp(
    `(?:${own.map((word) => `${capital(word)}(?:s(?![a-z]))?`).join('|')})(?![a-z])`,
    'g',
  );
  // The names of path parameters and an article say nothing either.
  return (text) =>
    text
      .replace(pattern, SIGN)
      .replace(/:\w+/g, ':id')
      .replace(/\bAn (?=▢)/g, 'A ');
}

export const kebab = (word: string): string => word.replace(/(?<=[a-z0-9])(?=[A-Z])/g, '-').toLowerCase();

const pascal = (word: string): string =>
  word.replace(/(?:^|-)([a-z])/g, (_, letter: string) => letter.toUpperCase());

/** At the start of a word, or capitalized inside one. */
const capital = (word: string): string => {
  const [first = ''] = word;
  return `(?:(?<![A-Za-z])${first.toLowerCase()}|${first.toUpperCase()})${word.slice(1)}`;
};
