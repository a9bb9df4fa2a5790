import type { ProductState } from '../../../domain/product';

interface Term {
  /** Successive words. */
  readonly phrase: readonly string[];
  readonly isExcluded: boolean;
}

/**
 * The alternatives of a search, each a list of terms that must all apply. It reads "phrases", -exclusions and `or` as
 * PostgreSQL's websearch_to_tsquery does, but knows neither stems nor words that don't count.
 */
export function termsOf(words: string): readonly (readonly Term[])[] {
  const alternatives: Term[][] = [[]];
  for (const [, minus = '', quoted, plain] of words.matchAll(/(-?)(?:"([^"]*)"|([^\s"]+))/g)) {
    if (plain?.toLowerCase() === 'or' && !minus) alternatives.push([]);
    const phrase = wordsIn(quoted ?? plain ?? '');
    if (phrase.length > 0 && plain?.toLowerCase() !== 'or') {
      alternatives.at(-1)?.push({ phrase, isExcluded: minus !== '' });
    }
  }
  return alternatives.filter((terms) => terms.length > 0);
}

/** How well a product matches the best alternative: a name counts more than a description, and that more than attributes. */
export function rankOf(
  { name, description, attributes }: ProductState,
  alternatives: readonly (readonly Term[])[],
): number | undefined {
  const fields = [
    { words: wordsIn(name), weight: 1 },
    { words: wordsIn(description), weight: 0.4 },
    { words: wordsIn(textsIn(attributes).join(' ')), weight: 0.2 },
  ];
  const ranks = alternatives.flatMap((terms) => {
    let rank = 0;
    for (const { phrase, isExcluded } of terms) {
      const weights = fields.filter(({ words }) => hasPhrase(words, phrase)).map(({ weight }) => weight);
      if (weights.length > 0 === isExcluded) return [];
      rank += weights.reduce((sum, weight) => sum + weight, 0);
    }
    return [rank];
  });
  return ranks.length > 0 ? Math.max(...ranks) : undefined;
}

const wordsIn = (text: string): readonly string[] => text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];

const hasPhrase = (words: readonly string[], phrase: readonly string[]): boolean =>
  words.some((_, at) => phrase.every((word, index) => words[at + index] === word));

function textsIn(value: unknown): readonly string[] {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsIn) : [];
}
