import pluralize from 'pluralize';

/** One name in every spelling that the code uses. */
export interface Words {
  /** `support-case` */
  readonly kebab: string;
  /** `supportCase` */
  readonly camel: string;
  /** `SupportCase` */
  readonly pascal: string;
  /** `SUPPORT_CASE` */
  readonly constant: string;
  /** `support_case`, as databases have it. */
  readonly snake: string;
  /** `support case`, as people read it. */
  readonly prose: string;
  /** `Support case`, at the beginning of a sentence. */
  readonly title: string;
}

const capital = (word: string): string => word.charAt(0).toUpperCase() + word.slice(1);

/** @param kebab such as `support-case`. */
export function wordsOf(kebab: string): Words {
  const parts = kebab.split('-');
  const pascal = parts.map(capital).join('');
  const snake = parts.join('_');
  const prose = parts.join(' ');
  return {
    kebab,
    camel: pascal.charAt(0).toLowerCase() + pascal.slice(1),
    pascal,
    constant: snake.toUpperCase(),
    snake,
    prose,
    title: capital(prose),
  };
}

/** The plural of a name: of its last word. */
export const pluralOf = (kebab: string): string => pluralize.plural(kebab);

/** The singular of a name: of its last word. */
export const singularOf = (kebab: string): string => pluralize.singular(kebab);

/** Reads as "an order", not "a order". */
export const articleOf = (prose: string): string => (/^(?:[aeio]|u(?!ni|se))/.test(prose) ? 'an' : 'a');

/** The past participle of a regular verb: `archive` → `archived`, `ship` → `shipped`, `carry` → `carried`. */
export function pastOf(verb: string): string {
  if (verb.endsWith('e')) return `${verb}d`;
  if (/[^aeiou]y$/.test(verb)) return `${verb.slice(0, -1)}ied`;
  if (/^[^aeiou]*[aeiou][^aeiouwxy]$/.test(verb)) return `${verb}${verb.slice(-1)}ed`;
  return `${verb}ed`;
}
