import { DependencyError, type Failure } from './errors';
import { retryAfterMs } from './retry-after';

/** Node's and undici's codes of a connection that never came about: nobody can have received the request. */
const NEVER_CONNECTED = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'UND_ERR_CONNECT_TIMEOUT',
]);

/** What RFC 9110 and RFC 6585 say about another try with the same request. */
const PASSING_STATUS = new Set([408, 425, 429, 500, 502, 503, 504]);
/** Too Early and Too Many Requests mean that the request was not looked at. */
const NOT_LOOKED_AT = new Set([425, 429]);

/**
 * What an error says about its call, unless the adapter knows better. An error that nothing is known about counts as
 * passing, and as one after which the dependency may have acted: so it opens the circuit, and only calls that may be
 * repeated are.
 */
export function classifyError(error: unknown): Failure {
  if (error instanceof DependencyError) return error.failure;
  return { transient: true, mayHaveActed: !hasCode(error, NEVER_CONNECTED) };
}

/** What an HTTP answer says about its request; undefined if it went well (below 400). */
export function classifyResponse(response: {
  readonly status: number;
  readonly headers: { get(name: string): string | null };
}): Failure | undefined {
  const { status, headers } = response;
  if (status < 400) return undefined;
  return {
    transient: PASSING_STATUS.has(status),
    mayHaveActed: !NOT_LOOKED_AT.has(status),
    retryAfterMs: retryAfterMs(headers.get('retry-after')),
  };
}

/** Looks into `cause`, where fetch has it, and into the errors of an AggregateError, all of which must have a code. */
function hasCode(error: unknown, codes: ReadonlySet<string>): boolean {
  if (typeof error !== 'object' || error === null) return false;
  const { code, cause, errors } = error as { code?: unknown; cause?: unknown; errors?: unknown };
  if (Array.isArray(errors) && errors.length > 0) return errors.every((one) => hasCode(one, codes));
  return (typeof code === 'string' && codes.has(code)) || hasCode(cause, codes);
}
