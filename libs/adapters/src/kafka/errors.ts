import { ExponentialBackoff, handleWhen, retry } from 'cockatiel';

/** Called with each error that is being retried. */
export type Report = (error: unknown, during: string) => void;

/** The error, those that it stands for, and what caused it. */
function* chain(error: unknown): Iterable<Error> {
  for (let each = error; each instanceof Error; each = each.cause) {
    yield each;
    if ('errors' in each && Array.isArray(each.errors)) yield* each.errors as Error[];
  }
}

export const hasType = (error: unknown, ...types: readonly string[]): boolean =>
  [...chain(error)].some((each) => 'type' in each && types.includes(String(each.type)));

/** Missing in kafkajs's table: brokers return it for newer request versions. */
const PRODUCER_FENCED = 90;

/**
 * True if a newer producer has the same transactional id, or the broker ended a transaction that took too long.
 * @param committing while the broker admits a newer producer, it answers a commit with other errors; 4.1 not at all.
 */
export const isFenced = (error: unknown, committing: boolean): boolean =>
  hasType(error, 'INVALID_PRODUCER_EPOCH', 'INVALID_PRODUCER_ID_MAPPING', 'INVALID_TXN_STATE') ||
  [...chain(error)].some((each) => 'code' in each && each.code === PRODUCER_FENCED) ||
  (committing && hasType(error, 'CONCURRENT_TRANSACTIONS', 'UNKNOWN'));

/**
 * True if a retry will soon succeed: a broker doesn't know yet what it leads or coordinates, or is moving it. False
 * for what kafkajs itself has already retried to its limit.
 */
const isBusy = (error: unknown): boolean =>
  error instanceof Error && 'type' in error && 'retriable' in error && error.retriable === true;

/** True if the group is rebalancing, or has rebalanced without this member. */
export const isRebalance = (error: unknown): boolean =>
  hasType(
    error,
    'REBALANCE_IN_PROGRESS',
    'ILLEGAL_GENERATION',
    'UNKNOWN_MEMBER_ID',
    'NOT_COORDINATOR_FOR_GROUP',
  );

export const isUnknownMember = (error: unknown): boolean => hasType(error, 'UNKNOWN_MEMBER_ID');

export const asError = (reason: unknown): Error =>
  reason instanceof Error ? reason : new Error(String(reason));

/** Retries for some seconds while brokers elect or move a leader or coordinator. */
export const whileBusy = retry(handleWhen(isBusy), {
  maxAttempts: 10,
  backoff: new ExponentialBackoff({ initialDelay: 50, maxDelay: 1_000 }),
});
