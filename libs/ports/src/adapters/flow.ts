import { AsyncLocalStorage } from 'node:async_hooks';
import { randomBytes } from 'node:crypto';

/** What one piece of work was caused by; it travels with the work, across awaits, and onto its events. */
export interface Flow {
  readonly correlationId: string;
  readonly causationId?: string | undefined;
  /** Its place in a trace, see {@link spanWithin}; what it causes names it as the parent. */
  readonly traceparent?: string | undefined;
}

const storage = new AsyncLocalStorage<Flow>();

export const runInFlow = <T>(flow: Flow, work: () => T): T => storage.run(flow, work);

export const currentFlow = (): Flow | undefined => storage.getStore();

/** Version 00, which ends there, and what later versions share with it. */
const TRACEPARENT =
  /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})(?:$|(?<!^00.{53})-)/;
/** Those that are known: sampled, and random. */
const FLAGS = 0x03;

/**
 * A span of its own for a piece of work (W3C Trace Context, level 2): in the trace of `parent`, the `traceparent` of
 * what caused it, or in a new trace if there is none that is valid.
 * @returns its `traceparent`.
 */
export function spanWithin(parent: string | undefined): string {
  const [, trace = randomBytes(16).toString('hex'), flags = '02'] = TRACEPARENT.exec(parent ?? '') ?? [];
  const known = (parseInt(flags, 16) & FLAGS).toString(16).padStart(2, '0');
  return `00-${trace}-${randomBytes(8).toString('hex')}-${known}`;
}
