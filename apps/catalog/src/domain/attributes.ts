/** A text, a number or a truth value. */
export type Scalar = string | number | boolean;

export type AttributeValue =
  Scalar | readonly Scalar[] | Readonly<Record<string, Scalar | readonly Scalar[]>>;

/** What a product's category asks of it, such as `{ roast: 'dark', grams: 500, origins: ['Kenya'] }`. */
export type Attributes = Readonly<Record<string, AttributeValue>>;

/** A place in attributes or in their schema, and what is wrong there. */
export interface Flaw {
  /** Names and indexes, from the outside in. */
  readonly path: readonly (string | number)[];
  readonly detail: string;
}

/** Whether two documents say the same; the order of their names doesn't count. */
export function isSame(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const [left, right] = [a, b] as [Readonly<Record<string, unknown>>, Readonly<Record<string, unknown>>];
  const names = Object.keys(left);
  return (
    names.length === Object.keys(right).length &&
    names.every((name) => Object.hasOwn(right, name) && isSame(left[name], right[name]))
  );
}

/** Whether `document` has everything that `part` has; a list has what it contains, in any order. */
export function contains(document: unknown, part: unknown): boolean {
  if (Array.isArray(part)) {
    return (
      Array.isArray(document) && part.every((wanted) => document.some((entry) => contains(entry, wanted)))
    );
  }
  if (typeof part === 'object' && part !== null) {
    return (
      typeof document === 'object' &&
      document !== null &&
      !Array.isArray(document) &&
      Object.entries(part).every(
        ([name, wanted]) =>
          Object.hasOwn(document, name) &&
          contains((document as Readonly<Record<string, unknown>>)[name], wanted),
      )
    );
  }
  return document === part;
}
