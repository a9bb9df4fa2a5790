/** Codes of Node and libuv for a peer that is unreachable or closed the connection. */
const NETWORK_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
]);

/**
 * SQLSTATE classes 08 (connection), 28 (login rejected: a password is being changed), 40 (transaction rollback), 53
 * (insufficient resources), 57 (operator intervention: shutdown, cancel) and 58 (I/O error), and codes 25P03 and 25P04
 * (transaction timeouts), 3D000 (no such database: it is being restored) and 55P03 (lock not available).
 */
const SQLSTATE = /^(?:08|28|40|53|57|58)[0-9A-Z]{3}$|^25P0[34]$|^3D000$|^55P03$/;

/**
 * Of these: 40 (the conflict was still there after the adapter's retries), 57014 (statement timeout, or cancelled),
 * 53400 (a limit that was set, such as that of temporary files), 25P03, 25P04 and 55P03.
 */
const UNCLEAR_SQLSTATE = /^40[0-9A-Z]{3}$|^57014$|^53400$|^25P0[34]$|^55P03$/;

const beginsWith = (...messages: readonly string[]) => new RegExp(`^(?:${messages.join('|')})`);

/** Messages of pg and TypeORM, without a code, for a connection that was lost or can't be acquired. */
const LOST_CONNECTION = beginsWith(
  'Connection terminated',
  'timeout exceeded when trying to connect',
  'Client has encountered a connection error',
  'Client was closed',
);

/** No answer in time, and work that continues after its transaction has ended. */
const UNCLEAR_MESSAGE = beginsWith(
  'Query read timeout',
  'Query runner already released',
  'Database connection provided by a query runner was already released',
);

/** Work took longer than it may, so that its transaction was ended. */
export class WorkTimeoutError extends Error {
  override readonly name = 'WorkTimeoutError';
}

/**
 * Who is to blame for an error: the work itself; the database, so that the same work may succeed later; or either, as
 * with work that is too slow for the database, or the reverse: the database's next answer tells.
 */
export type Blame = 'work' | 'database' | 'unclear';

/** Also looks into TypeORM's `driverError` and the errors of an AggregateError. */
export function blameOf(error: unknown): Blame {
  // Not `instanceof Error`: Jest's realm has another class than Node's own modules.
  if (typeof error !== 'object' || error === null) return 'work';
  const { name, code, message, driverError, errors } = error as Partial<
    Record<'name' | 'code' | 'message' | 'driverError' | 'errors', unknown>
  >;
  if (name === WorkTimeoutError.name) return 'unclear';
  if (typeof code === 'string') {
    if (UNCLEAR_SQLSTATE.test(code)) return 'unclear';
    if (NETWORK_CODES.has(code) || SQLSTATE.test(code)) return 'database';
  }
  if (typeof message === 'string') {
    if (UNCLEAR_MESSAGE.test(message)) return 'unclear';
    if (LOST_CONNECTION.test(message)) return 'database';
  }
  const blames = [
    ...(Array.isArray(errors) ? errors.map(blameOf) : []),
    ...(driverError !== undefined && driverError !== error ? [blameOf(driverError)] : []),
  ];
  return (
    blames.find((blame) => blame === 'database') ?? blames.find((blame) => blame === 'unclear') ?? 'work'
  );
}

/**
 * True if the database is unavailable, overloaded or resolving a conflict, so that the same work may succeed later; false
 * if the work itself is certainly at fault.
 */
export const isInfrastructureError = (error: unknown): boolean => blameOf(error) !== 'work';
