import { metrics } from '@opentelemetry/api';
import type { EventLog, PublisherSession } from '@atlas/ports/adapters';

const DURATION_BUCKETS_S = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const RECORDS_BUCKETS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000];

/** What the relay needs of a log, with the publications to it measured: what they hold, and how long they take. */
export class MeasuredEventLog implements Pick<EventLog, 'ensureTopics' | 'openPublisher'> {
  private readonly meter = metrics.getMeter('atlas.relay');
  private readonly duration = this.meter.createHistogram('atlas.relay.publish.duration', {
    unit: 's',
    description: 'Transactions on the log; one that failed has an error type',
    advice: { explicitBucketBoundaries: DURATION_BUCKETS_S },
  });
  private readonly records = this.meter.createHistogram('atlas.relay.publish.records', {
    unit: '{event}',
    description: 'Events in each transaction on the log',
    advice: { explicitBucketBoundaries: RECORDS_BUCKETS },
  });

  constructor(private readonly log: Pick<EventLog, 'ensureTopics' | 'openPublisher'>) {}

  ensureTopics(topics: Parameters<EventLog['ensureTopics']>[0]): Promise<void> {
    return this.log.ensureTopics(topics);
  }

  async openPublisher(source: string): Promise<PublisherSession> {
    const session = await this.log.openPublisher(source);
    return {
      cursor: session.cursor,
      publish: async (records, cursor) => {
        const begunAt = performance.now();
        const secondsSince = () => (performance.now() - begunAt) / 1_000;
        try {
          await session.publish(records, cursor);
        } catch (error) {
          const type = error instanceof Error ? error.name : 'unknown';
          this.duration.record(secondsSince(), { outbox: source, 'error.type': type });
          throw error;
        }
        this.duration.record(secondsSince(), { outbox: source });
        this.records.record(records.length, { outbox: source });
      },
      close: () => session.close(),
    };
  }
}
