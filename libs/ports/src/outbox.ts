import type { NewEvent } from '@atlas/contracts';

/** Where a use case's events go: the same transaction as its changes. Nothing else publishes. */
export abstract class Outbox {
  /**
   * Adds events to the open unit of work, to be published in this order after it commits. The caller must hold
   * the aggregate's row lock (or have checked its version), so that one aggregate's events are in order.
   * @throws Error if an event's data breaks its contract.
   */
  abstract add(events: readonly NewEvent[]): Promise<void>;
}
