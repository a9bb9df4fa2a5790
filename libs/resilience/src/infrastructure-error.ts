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

/** Messages of pg and TypeORM, without a code, for a connection that was lost or can't be acquired. */
const LOST_CONNECTION = new RegExp(
  `^(?:${[
    'Connection terminated',
    'Query read timeout',
    'timeout exceeded when trying to connect',
    'Client has encountered a connection error',
    'Client was closed',
    'Query runner already released',
    'Database connection provided by a query runner was already released',
  ].join('|')})`,
);

/**
 * True if the database is unavailable, overloaded or resolving a conflict, so that the same work may succeed later; false
 * if the work itself is at fault. Also looks into TypeORM's `driverError` and the errors of an AggregateError.
 */
export function isInfrastructureError(error: unknown): boolean {
  // Not `instanceof Error`: Jest's realm has another class than Node's own modules.
  if (typeof error !== 'object' || error === null) return false;
  const { code, message, driverError, errors } = error as Partial<
    Record<'code' | 'message' | 'driverError' | 'errors', unknown>
  >;
  if (typeof code === 'string' && (NETWORK_CODES.has(code) || SQLSTATE.test(code))) return true;
  if (typeof message === 'string' && LOST_CONNECTION.test(message)) return true;
  if (Array.isArray(errors) && errors.some(isInfrastructureError)) return true;
  return driverError !== undefined && driverError !== error && isInfrastructureError(driverError);
}
