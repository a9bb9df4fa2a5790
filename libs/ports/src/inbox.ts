/** What a consumer has handled: the other half of effectively-once. */
export abstract class Inbox {
  /**
   * Takes the events into the open unit of work as handled by `consumer` and returns the ids that it had not
   * handled before, in the order given. The others are duplicates.
   */
  abstract admit(consumer: string, eventIds: readonly string[]): Promise<readonly string[]>;
}
