/** A generator can't do what was asked; the message says why and what to do. Nothing was changed. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
}
