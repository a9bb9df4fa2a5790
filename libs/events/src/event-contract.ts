import { err, ok, type Result } from '@atlas/kernel';
import type { z } from 'zod';

/** The published contract of one version of an event: the shape of its data, and who may publish it. */
export interface EventContract<Data = unknown> {
  /** CloudEvents `type`, the same for all versions: `<owner>.<what-happened>`. */
  readonly type: string;
  /** Schema version, from 1. A change that breaks old readers requires a new version. */
  readonly version: number;
  /** The only context that publishes it. */
  readonly owner: string;
  /** The kind of aggregate that `subject` identifies. */
  readonly aggregate: string;
  readonly data: z.ZodType<Data>;
  /**
   * Realistic data that together covers every field. Stored with the released schema and shown in the AsyncAPI
   * document.
   */
  readonly examples: readonly [NoInfer<Data>, ...NoInfer<Data>[]];
  /** Why no context consumes it. Required as long as none does; a test compares it with the handlers. */
  readonly unconsumed?: string;
  /** The previous version, if its records can still be read. */
  readonly previous?: PreviousVersion<NoInfer<Data>>;
}

/** An older version of an event, and how to upcast its data to `Data`, the next version. */
export interface PreviousVersion<Data> {
  readonly contract: EventContract;
  /**
   * Reads data written in `version`: this version or an older one. The error is a phrase that names the invalid field.
   */
  read(version: number, json: unknown): Result<Data, string>;
}

/** One event as it happened: CloudEvents 1.0 attributes under readable names, and the data. */
export interface EventEnvelope<Data = unknown> {
  /** Globally unique; consumers deduplicate by it. */
  readonly id: string;
  readonly type: string;
  /** The version of `data`: always the newest, whatever version the record was written in. */
  readonly schemaVersion: number;
  /** The publishing context. */
  readonly source: string;
  /** The aggregate's id and the partition key, so that an aggregate's events stay in order. */
  readonly subject: string;
  /** The aggregate's version after this event: 1, 2, 3 … without gaps. */
  readonly aggregateVersion: number;
  /** RFC 3339, UTC. */
  readonly time: string;
  /** Shared by everything that one request caused, across services. */
  readonly correlationId: string;
  /** The event that caused this one; absent if a request caused it. */
  readonly causationId?: string | undefined;
  /** W3C Trace Context, if the work was traced. */
  readonly traceparent?: string | undefined;
  readonly data: Data;
}

/** An event to add to the outbox, which completes it to an {@link EventEnvelope}. */
export interface NewEvent<Data = unknown> {
  readonly contract: EventContract<Data>;
  readonly subject: string;
  readonly aggregateVersion: number;
  readonly data: Data;
}

export type EventOf<Contract> = Contract extends EventContract<infer Data> ? EventEnvelope<Data> : never;

/** @throws Error if the versions of an event are not consecutive, which is a bug in its definition. */
export function defineEvent<Data>(contract: EventContract<Data>): EventContract<Data> {
  const older = contract.previous?.contract;
  if (older && (older.type !== contract.type || older.version !== contract.version - 1)) {
    throw new Error(
      `${contract.type} v${contract.version} can't follow ${older.type} v${older.version}: ` +
        'the previous version must be the same event, one version lower',
    );
  }
  return Object.freeze(contract);
}

/**
 * The `previous` of a contract: the preceding version, and the function that upcasts its data. The function must be
 * pure and accept everything that the old schema allowed.
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
 * Validates data written in `version` against that version's schema and upcasts it to the version of `contract`.
 * Validates the result again, because types can't express all that a schema does.
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

/** The contract and all older versions that can still be read, newest first. */
export function versionsOf(contract: EventContract): readonly EventContract[] {
  return [contract, ...(contract.previous ? versionsOf(contract.previous.contract) : [])];
}

function checked<Data>(contract: EventContract<Data>, json: unknown): Result<Data, string> {
  const result = contract.data.safeParse(json);
  return result.success ? ok(result.data) : err(issuesOf(result.error));
}

/** The first few validation issues, as a phrase. */
export const issuesOf = (error: {
  readonly issues: readonly { path: PropertyKey[]; message: string }[];
}): string =>
  error.issues
    .slice(0, 5)
    .map((issue) => `${issue.path.join('.') || 'data'}: ${issue.message}`)
    .join('; ');
