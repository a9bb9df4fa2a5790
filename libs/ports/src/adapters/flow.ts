import { AsyncLocalStorage } from 'node:async_hooks';
import { randomBytes } from 'node:crypto';
import { parseTraceParent } from '@opentelemetry/core';

/** The cause of a piece of work; propagated across awaits and to the work's events. */
export interface Flow {
  readonly correlationId: string;
  readonly causationId?: string | undefined;
  /** The work's own span, see {@link spanWithin}; the parent of everything it causes. */
  readonly traceparent?: string | undefined;
}

const storage = new AsyncLocalStorage<Flow>();

export const runInFlow = <T>(flow: Flow, work: () => T): T => storage.run(flow, work);

export const currentFlow = (): Flow | undefined => storage.getStore();

/** The known flags: sampled, and random (level 2). */
const FLAGS = 0x03;
const RANDOM = 0x02;

/**
 * Creates a span (W3C Trace Context, level 2) in the trace of `parent`, the cause's `traceparent`, or in a new trace if
 * that is missing or invalid.
 * @returns the span's `traceparent`.
 */
export function spanWithin(parent: string | undefined): string {
  // OpenTelemetry's parser would accept surrounding blanks.
  const context = parent === undefined || parent !== parent.trim() ? null : parseTraceParent(parent);
  const trace = context?.traceId ?? randomBytes(16).toString('hex');
  const flags = ((context?.traceFlags ?? RANDOM) & FLAGS).toString(16).padStart(2, '0');
  // OpenTelemetry's propagator would write flags with one digit and pass on unknown ones.
  return `00-${trace}-${randomBytes(8).toString('hex')}-${flags}`;
}
