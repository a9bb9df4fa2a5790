/** Waiting can't help: a setting, the server or a migration must be changed first. The message says which. */
export class DatabaseSetupError extends Error {
  override readonly name = 'DatabaseSetupError';
}

/** What PostgreSQL's codes for a rejected connection mean to an operator. */
const REMEDIES: Readonly<Record<string, (setting: string) => string>> = {
  '28P01': (setting) => `Correct the user and the password in ${setting}.`,
  '28000': (setting) => `Correct the user in ${setting}, or let the server's pg_hba.conf admit it.`,
  '3D000': (setting) => `Create the database, or correct its name in ${setting}.`,
  '42501': () => 'Grant the user CONNECT on the database.',
};

/**
 * @param setting the environment variable that holds `url`.
 * @returns an error that says what to correct, or undefined if the server did not reject the connection.
 */
export function rejection(
  error: Error,
  url: string,
  what = 'database',
  setting = 'DATABASE_URL',
): DatabaseSetupError | undefined {
  const remedy = REMEDIES[(error as { code?: string }).code ?? ''];
  return (
    remedy &&
    new DatabaseSetupError(
      `The ${what} ${nameOf(url)} rejects the connection: ${error.message}. ${remedy(setting)}`,
      { cause: error },
    )
  );
}

/** Host, port and database: without user and password. */
export function nameOf(url: string): string {
  const { host, pathname } = new URL(url);
  return `${host}${pathname}`;
}
