export type CardVerdict =
  | { readonly kind: 'approved' }
  | { readonly kind: 'declined'; readonly reason: string }
  /** It is not charged, and the client gets no answer. */
  | { readonly kind: 'silent' };

const VERDICTS: ReadonlyMap<string, CardVerdict> = new Map<string, CardVerdict>([
  ['tok_approve', { kind: 'approved' }],
  ['tok_decline', { kind: 'declined', reason: 'insufficient funds' }],
  ['tok_timeout', { kind: 'silent' }],
]);

/** The outcome of a charge to this test card. */
export const verdictOn = (source: string): CardVerdict =>
  VERDICTS.get(source) ?? { kind: 'declined', reason: `there is no token "${source}"` };
