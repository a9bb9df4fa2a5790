/** An error that the user can fix; the message says what is wrong and what to do. */
export class UserError extends Error {
  override readonly name = 'UserError';
}

export const errnoOf = (error: unknown): string | undefined =>
  (error as NodeJS.ErrnoException | undefined)?.code;
