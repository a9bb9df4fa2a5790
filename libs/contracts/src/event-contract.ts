import type { z } from 'zod';

/** The published promise about one event in one version: what its data looks like and who may publish it. */
export interface EventContract<Data = unknown> {
  /** CloudEvents `type`, the same for all versions: `<owner>.<what-happened>`. */
  readonly type: string;
  /** Schema version, from 1. A change that old readers can't take gets a new one. */
  readonly version: number;
  /** The one context that publishes it. */
  readonly owner: string;
  /** The kind of aggregate that `subject` names. */
  readonly aggregate: string;
  readonly data: z.ZodType<Data>;
}

/** One event as it happened: CloudEvents 1.0 attributes under readable names, and the data. */
export interface EventEnvelope<Data = unknown> {
  /** Unique over all events; what consumers dedupe on. */
  readonly id: string;
  readonly type: string;
  readonly schemaVersion: number;
  /** The publishing context. */
  readonly source: string;
  /** The aggregate's id; also the partition key, so one aggregate's events keep their order. */
  readonly subject: string;
  /** The aggregate's own version after this event: 1, 2, 3 … without gaps. */
  readonly aggregateVersion: number;
  /** RFC 3339, UTC. */
  readonly time: string;
  /** The same on everything that one request caused, across services. */
  readonly correlationId: string;
  /** The event that caused this one; absent if a request did. */
  readonly causationId?: string | undefined;
  /** W3C Trace Context, if the work was traced. */
  readonly traceparent?: string | undefined;
  readonly data: Data;
}

/** An event about to be added to the outbox, which completes it to an {@link EventEnvelope}. */
export interface NewEvent<Data = unknown> {
  readonly contract: EventContract<Data>;
  readonly subject: string;
  readonly aggregateVersion: number;
  readonly data: Data;
}

export type EventOf<Contract> = Contract extends EventContract<infer Data> ? EventEnvelope<Data> : never;

export function defineEvent<Data>(contract: EventContract<Data>): EventContract<Data> {
  return Object.freeze(contract);
}
