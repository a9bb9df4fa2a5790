import { err, ok, type Result } from '@atlas/kernel';
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
  /** Data as it may happen; between them they have every field. Kept with the released schema and shown in AsyncAPI. */
  readonly examples: readonly [NoInfer<Data>, ...NoInfer<Data>[]];
  /** The version before this one, if its records can still be read. */
  readonly previous?: PreviousVersion<NoInfer<Data>>;
}

/** An older version of an event, and how its data is turned into `Data`, the version after it. */
export interface PreviousVersion<Data> {
  readonly contract: EventContract;
  /**
   * Reads data that was written in `version`: this older one, or one before it.
   * The error says in a phrase which field is wrong.
   */
  read(version: number, json: unknown): Result<Data, string>;
}

/** One event as it happened: CloudEvents 1.0 attributes under readable names, and the data. */
export interface EventEnvelope<Data = unknown> {
  /** Unique over all events; what consumers dedupe on. */
  readonly id: string;
  readonly type: string;
  /** The version that `data` has: always the newest, whatever version the record was written in. */
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

/** @throws Error if the versions of an event don't follow each other: a defect of its definition. */
export function defineEvent<Data>(contract: EventContract<Data>): EventContract<Data> {
  const older = contract.previous?.contract;
  if (older && (older.type !== contract.type || older.version !== contract.version - 1)) {
    throw new Error(
      `${contract.type} v${contract.version} can't follow ${older.type} v${older.version}: ` +
        'the previous version must be the same event with the number before',
    );
  }
  return Object.freeze(contract);
}

/**
 * The `previous` of a contract: its version before, and the function that turns that version's data into the new
 * one's. The function must be pure and know an answer for everything that the old schema allowed.
 */
export function upcastFrom<Old, Data>(
  older: EventContract<Old>,
  upcast: (data: Old) => Data,
): PreviousVersion<Data> {
  return {
    contract: older,
    read: (version, json) => {
      const data = readData(older, version, json);
      return data.ok ? ok(upcast(data.value)) : data;
    },
  };
}

/**
 * Checks data that was written in `version` against that version's schema and turns it into the version of `contract`.
 * The result is checked again, because a type can't say all that a schema does.
 */
export function readData<Data>(
  contract: EventContract<Data>,
  version: number,
  json: unknown,
): Result<Data, string> {
  if (version === contract.version || !contract.previous) return checked(contract, json);
  const upcast = contract.previous.read(version, json);
  if (!upcast.ok) return upcast;
  const result = checked(contract, upcast.value);
  return result.ok ? result : err(`turned into v${contract.version}: ${result.error}`);
}

/** The contract and the versions before it that can still be read, the newest first. */
export function versionsOf(contract: EventContract): readonly EventContract[] {
  return [contract, ...(contract.previous ? versionsOf(contract.previous.contract) : [])];
}

function checked<Data>(contract: EventContract<Data>, json: unknown): Result<Data, string> {
  const result = contract.data.safeParse(json);
  return result.success ? ok(result.data) : err(issuesOf(result.error));
}

/** The first few things that are wrong with some data, in a phrase. */
export const issuesOf = (error: {
  readonly issues: readonly { path: PropertyKey[]; message: string }[];
}): string =>
  error.issues
    .slice(0, 5)
    .map((issue) => `${issue.path.join('.') || 'data'}: ${issue.message}`)
    .join('; ');
