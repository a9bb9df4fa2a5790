/**
 * What somebody who changes a thing believes to be there: nothing, anything, or one of these versions. A change that is
 * based on something else is refused, so that nobody overwrites what they have not seen.
 */
export type Expectation = 'nothing' | 'anything' | readonly number[];

export function isMet(expectation: Expectation, found: { readonly version: number } | undefined): boolean {
  if (expectation === 'nothing') return found === undefined;
  if (found === undefined) return false;
  return expectation === 'anything' || expectation.includes(found.version);
}
