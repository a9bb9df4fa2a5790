/** Node's and libuv's codes of a peer that can't be reached or went away. */
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
 * SQLSTATE classes 08 (connection), 40 (rolled back for the sake of others), 53 (out of resources) and 57 (operator
 * intervention: shutdown, cancel), 25P03 and 25P04 (the server ended an idle or long transaction) and 55P03 (a lock
 * could not be had).
 */
const SQLSTATE = /^(?:08|40|53|57)[0-9A-Z]{3}$|^25P0[34]$|^55P03$/;

/** What pg, and TypeORM in the middle of a transaction, throw without a code when a connection is lost or can't be had. */
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
 * True if the error says that the database is away, overloaded or busy with others, so that the same work may succeed later; false if
 * the work itself is at fault. Looks into TypeORM's `driverError` and into the errors of an AggregateError.
 */
export function isInfrastructureError(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { code, driverError, errors } = error as { code?: unknown; driverError?: unknown; errors?: unknown };
  if (typeof code === 'string' && (NETWORK_CODES.has(code) || SQLSTATE.test(code))) return true;
  if (LOST_CONNECTION.test(error.message)) return true;
  if (Array.isArray(errors) && errors.some(isInfrastructureError)) return true;
  return driverError !== undefined && driverError !== error && isInfrastructureError(driverError);
}
