/** The owner publishes; a standby takes over when the owner is gone. */
export type RelayRole = 'owner' | 'standby' | 'stopped';

/** The wait after a failure: the first and the longest, milliseconds; doubled in between. */
export interface Backoff {
  readonly first: number;
  readonly most: number;
}

interface Failure {
  readonly message: string;
  readonly at: Date;
}

/** How long a relay that only stands by keeps showing its last failure. */
const FAILURE_SHOWN_MS = 60_000;
/** How often an unchanged failure is reported. */
const REPORT_EVERY_MS = 60_000;

/** What one relay has done since its process started, and how it is doing. */
export class RelayProgress {
  role: RelayRole = 'standby';
  /** How far it has published; undefined before its first ownership, or if nothing was ever published. */
  cursor: string | undefined;
  /** Records and transactions on the log, and failures of either side. */
  published = 0;
  transactions = 0;
  failures = 0;
  /** It doesn't publish until an operator has decided that the database is the right one. */
  isHalted = false;
  private failuresInARow = 0;
  private failure: Failure | undefined;
  private reported: Failure | undefined;

  becomeOwner(cursor: string | undefined): void {
    this.role = 'owner';
    this.isHalted = false;
    this.cursor = cursor;
  }

  /** A page was read and, unless it was empty, published. */
  advance(records: number, cursor: string): void {
    this.cursor = cursor;
    this.published += records;
    this.transactions += records > 0 ? 1 : 0;
    this.failuresInARow = 0;
    this.failure = undefined;
    this.reported = undefined;
  }

  /** @returns whether this is worth reporting: it is a new failure, or it was reported a minute ago. */
  fail(message: string, at: Date): boolean {
    this.failures += 1;
    this.failuresInARow += 1;
    this.failure = { message, at };
    const { reported } = this;
    if (reported?.message === message && msBetween(reported.at, at) < REPORT_EVERY_MS) return false;
    this.reported = this.failure;
    return true;
  }

  /** @param jitter from 0 to 1: how much of the random half of the wait to take. */
  retryDelayMs({ first, most }: Backoff, jitter: number): number {
    return Math.min(most, first * 2 ** (this.failuresInARow - 1)) * (0.5 + jitter / 2);
  }

  /** Why it makes no progress; undefined if it does, or has stood by without a failure for a minute. */
  failureAt(now: Date): string | undefined {
    const isRecent = this.failure && msBetween(this.failure.at, now) < FAILURE_SHOWN_MS;
    return isRecent ? this.failure?.message : undefined;
  }

  /**
   * Whether {@link cursor} says what the outbox still holds. A failing relay gives up its ownership meanwhile; until
   * another relay takes over, its cursor is still the right one.
   */
  knowsBacklogAt(now: Date): boolean {
    return this.role === 'owner' || (this.failureAt(now) !== undefined && this.cursor !== undefined);
  }
}

const msBetween = (from: Date, to: Date): number => to.getTime() - from.getTime();
