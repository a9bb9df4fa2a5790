import type { TopicSpec } from '@atlas/events';
import type { Consumer, OutgoingRecord, PublisherSession, Subscription } from '@atlas/ports/adapters';
import { MemoryEventLog, type MemoryLogData } from '@atlas/testing';
import type { SimulatedProcess } from './process';

/** The log that all processes share. */
export interface Broker {
  readonly data: MemoryLogData;
  isAway: boolean;
  /** Sees each publication at the moment that it takes effect. */
  readonly onAppend: (source: string, records: readonly OutgoingRecord[], cursor: string) => void;
}

const UNAVAILABLE = 'The brokers do not answer';
const RETRY_MS = 200;
/** How long a group waits for a member that died. */
export const SESSION_TIMEOUT_MS = 2_000;

/** The log as one process uses it: each request is a step. */
export class SimulatedEventLog extends MemoryEventLog {
  constructor(
    private readonly process: SimulatedProcess,
    private readonly broker: Broker,
  ) {
    super(broker.data);
  }

  override async ensureTopics(topics: readonly TopicSpec[]): Promise<void> {
    await this.request('topics');
    return super.ensureTopics(topics);
  }

  override async checkTopics(topics: readonly TopicSpec[]): Promise<void> {
    await this.request('topics');
    return super.checkTopics(topics);
  }

  override async openPublisher(source: string): Promise<PublisherSession> {
    await this.request('open');
    const session = await super.openPublisher(source);
    return {
      get cursor() {
        return session.cursor;
      },
      publish: async (records, cursor) => {
        await this.request('publish');
        await session.publish(records, cursor);
        this.broker.onAppend(source, records, cursor);
        const mishap = await this.process.step('published', ['lost']);
        if (mishap !== undefined || this.broker.isAway) throw new Error(UNAVAILABLE);
      },
      close: () => session.close(),
    };
  }

  override async subscribe(subscription: Subscription): Promise<Consumer> {
    await this.request('join');
    return super.subscribe({
      ...subscription,
      handle: async (batch, signal) => {
        while ((await this.process.step('fetch', ['refused'])) !== undefined || this.broker.isAway) {
          await this.process.pause(RETRY_MS, signal);
          signal.throwIfAborted();
        }
        await subscription.handle(batch, signal);
        // A lost offset is a redelivery.
        await this.request('offset', 'lost');
      },
    });
  }

  private async request(what: string, mishap: 'refused' | 'lost' = 'refused'): Promise<void> {
    if ((await this.process.step(what, [mishap])) !== undefined || this.broker.isAway) {
      throw new Error(UNAVAILABLE);
    }
  }
}
