import { ExponentialBackoff, handleWhen, retry } from 'cockatiel';

/** Told of what went wrong and is being tried again. */
export type Report = (error: unknown, during: string) => void;

/** The error and what caused it. */
function* chain(error: unknown): Iterable<Error> {
  for (let each = error; each instanceof Error; each = each.cause) yield each;
}

const hasType = (error: unknown, ...types: readonly string[]): boolean =>
  [...chain(error)].some((each) => 'type' in each && types.includes(String(each.type)));

/** Not in kafkajs's table: the broker has it for newer versions of the requests. */
const PRODUCER_FENCED = 90;

/**
 * True if a newer producer has the same transactional id, or the broker ended a transaction that took too long.
 * @param committing while the broker lets a newer one in, it has other answers for a commit; 4.1 has none at all.
 */
export const isFenced = (error: unknown, committing: boolean): boolean =>
  hasType(error, 'INVALID_PRODUCER_EPOCH', 'INVALID_PRODUCER_ID_MAPPING', 'INVALID_TXN_STATE') ||
  [...chain(error)].some((each) => 'code' in each && each.code === PRODUCER_FENCED) ||
  (committing && hasType(error, 'CONCURRENT_TRANSACTIONS', 'UNKNOWN'));

/**
 * True if the same will work in a moment: a broker has not heard yet of what it leads or coordinates, or moves it.
 * What kafkajs has tried for long already is not meant.
 */
const isBusy = (error: unknown): boolean =>
  error instanceof Error && 'type' in error && 'retriable' in error && error.retriable === true;

/** True if the partitions of a group are shared anew, or were, without this member. */
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

/** Waits for brokers that are busy with themselves, some seconds at most. */
export const whileBusy = retry(handleWhen(isBusy), {
  maxAttempts: 10,
  backoff: new ExponentialBackoff({ initialDelay: 50, maxDelay: 1_000 }),
});
