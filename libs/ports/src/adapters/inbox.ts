/** Tracks the events that a consumer has handled: the consumer's half of effectively-once processing. */
export abstract class Inbox {
  /**
   * Marks the events as handled by `consumer` in the open unit of work, and returns the ids that it had not handled
   * before, in the given order. The others are duplicates.
   */
  abstract admit(consumer: string, eventIds: readonly string[]): Promise<readonly string[]>;

  /** Returns the ids of those events that `consumer` has already handled. */
  abstract handled(consumer: string, eventIds: readonly string[]): Promise<ReadonlySet<string>>;

  /**
   * Deletes at most `limit` of the events that `consumer` handled more than `ageMs` milliseconds ago. Only safe if the
   * log can no longer deliver them.
   * @returns the number deleted.
   */
  abstract prune(consumer: string, ageMs: number, limit: number): Promise<number>;
}
