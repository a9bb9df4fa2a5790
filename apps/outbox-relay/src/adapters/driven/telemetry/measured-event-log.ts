import { metrics } from '@opentelemetry/api';
import type { PublisherSession, PublishingLog, Topics } from '../../../application/ports';

const DURATION_BUCKETS_S = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const RECORDS_BUCKETS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000];

/** Measures the publications to a log: how long they take and how many events they contain. */
export class MeasuredEventLog implements PublishingLog {
  private readonly meter = metrics.getMeter('atlas.relay');
  private readonly duration = this.meter.createHistogram('atlas.relay.publish.duration', {
    unit: 's',
    description: 'Transactions on the log; a failed one has an error type',
    advice: { explicitBucketBoundaries: DURATION_BUCKETS_S },
  });
  private readonly records = this.meter.createHistogram('atlas.relay.publish.records', {
    unit: '{event}',
    description: 'Events per transaction on the log',
    advice: { explicitBucketBoundaries: RECORDS_BUCKETS },
  });

  constructor(private readonly log: PublishingLog) {}

  ensureTopics(topics: Topics): Promise<void> {
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
