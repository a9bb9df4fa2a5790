import { DependencyError, type Failure } from './errors';
import { retryAfterMs } from './retry-after';

/** Codes of Node and undici for connections that were never established: the request can't have arrived. */
const NEVER_CONNECTED = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'UND_ERR_CONNECT_TIMEOUT',
]);

/** Statuses after which the same request may succeed later (RFC 9110, RFC 6585). */
const TRANSIENT_STATUS = new Set([408, 425, 429, 500, 502, 503, 504]);
/** Too Early and Too Many Requests: the request was not processed. */
const NOT_PROCESSED = new Set([425, 429]);

/**
 * Classifies an error, unless the adapter has done so. An unknown error counts as transient, and as one after which the
 * dependency may have acted: so it opens the circuit, and only idempotent calls are retried.
 */
export function classifyError(error: unknown): Failure {
  if (error instanceof DependencyError) return error.failure;
  return { transient: true, mayHaveActed: !hasCode(error, NEVER_CONNECTED) };
}

/** Classifies an HTTP response; undefined for a success (below 400). */
export function classifyResponse(response: {
  readonly status: number;
  readonly headers: { get(name: string): string | null };
}): Failure | undefined {
  const { status, headers } = response;
  if (status < 400) return undefined;
  return {
    transient: TRANSIENT_STATUS.has(status),
    mayHaveActed: !NOT_PROCESSED.has(status),
    retryAfterMs: retryAfterMs(headers.get('retry-after')),
  };
}

/** Also looks into `cause`, which fetch sets, and into AggregateErrors, all of whose errors must have a code. */
function hasCode(error: unknown, codes: ReadonlySet<string>): boolean {
  if (typeof error !== 'object' || error === null) return false;
  const { code, cause, errors } = error as { code?: unknown; cause?: unknown; errors?: unknown };
  if (Array.isArray(errors) && errors.length > 0) return errors.every((one) => hasCode(one, codes));
  return (typeof code === 'string' && codes.has(code)) || hasCode(cause, codes);
}
