import { AsyncLocalStorage } from 'node:async_hooks';
import { randomBytes } from 'node:crypto';
import { parseTraceParent } from '@opentelemetry/core';

/** What caused a piece of work; it follows the work across awaits and onto its events. */
export interface Flow {
  readonly correlationId: string;
  readonly causationId?: string | undefined;
  /** Its span, see {@link spanWithin}: the parent of what it causes. */
  readonly traceparent?: string | undefined;
}

const storage = new AsyncLocalStorage<Flow>();

export const runInFlow = <T>(flow: Flow, work: () => T): T => storage.run(flow, work);

export const currentFlow = (): Flow | undefined => storage.getStore();

/** The flags that are known: sampled, and random (level 2). */
const FLAGS = 0x03;
const RANDOM = 0x02;

/**
 * A new span for a piece of work (W3C Trace Context, level 2): in the trace of `parent`, the `traceparent` of what
 * caused it, or in a new trace if that is missing or invalid.
 * @returns the span's `traceparent`.
 */
export function spanWithin(parent: string | undefined): string {
  // OpenTelemetry's parser would let blanks around it pass.
  const context = parent === undefined || parent !== parent.trim() ? null : parseTraceParent(parent);
  const trace = context?.traceId ?? randomBytes(16).toString('hex');
  const flags = ((context?.traceFlags ?? RANDOM) & FLAGS).toString(16).padStart(2, '0');
  // Not its propagator's format: that writes flags in one digit, and lets unknown ones pass.
  return `00-${trace}-${randomBytes(8).toString('hex')}-${flags}`;
}
