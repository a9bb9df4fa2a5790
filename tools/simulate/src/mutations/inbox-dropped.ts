import { MemoryInbox } from '@atlas/testing';

/** A consumer without an inbox: it handles every event that is delivered, as if it were new. */
export class NoInbox extends MemoryInbox {
  override async admit(_consumer: string, eventIds: readonly string[]): Promise<readonly string[]> {
    return eventIds;
  }

  override async handled(): Promise<ReadonlySet<string>> {
    return new Set();
  }
}
