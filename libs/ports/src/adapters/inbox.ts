/** What a consumer has handled: the other half of effectively-once. */
export abstract class Inbox {
  /**
   * Takes the events into the open unit of work as handled by `consumer` and returns the ids that it had not
   * handled before, in the order given. The others are duplicates.
   */
  abstract admit(consumer: string, eventIds: readonly string[]): Promise<readonly string[]>;

  /** Those of the events that `consumer` has handled. */
  abstract handled(consumer: string, eventIds: readonly string[]): Promise<ReadonlySet<string>>;

  /**
   * Forgets at most `limit` of the events that `consumer` handled more than `ageMs` milliseconds ago: the log must not
   * be able to deliver them any more.
   * @returns how many it forgot.
   */
  abstract prune(consumer: string, ageMs: number, limit: number): Promise<number>;
}
