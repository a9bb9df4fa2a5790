export type CardVerdict =
  | { readonly kind: 'approved' }
  | { readonly kind: 'declined'; readonly reason: string }
  /** It is not charged, and nobody is told so. */
  | { readonly kind: 'silent' };

const VERDICTS: ReadonlyMap<string, CardVerdict> = new Map<string, CardVerdict>([
  ['tok_approve', { kind: 'approved' }],
  ['tok_decline', { kind: 'declined', reason: 'insufficient funds' }],
  ['tok_timeout', { kind: 'silent' }],
]);

/** What becomes of a charge to this card of the test mode. */
export const verdictOn = (source: string): CardVerdict =>
  VERDICTS.get(source) ?? { kind: 'declined', reason: `there is no token "${source}"` };
