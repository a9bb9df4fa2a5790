import type { DeadLetterKind, RecordBatch } from '@atlas/ports/adapters';
import { metrics } from '@opentelemetry/api';
import { sampled } from '../telemetry/sampled';

const DURATION_BUCKETS_S = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
/** Up to the time that a consumer takes to catch up after an outage. */
const AGE_BUCKETS_S = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1_800, 7_200];

const COUNT_EVERY_MS = 10_000;

/** Metrics of a consumer, by topic. They cost next to nothing without an SDK in the process. */
export class ConsumerMetrics {
  private readonly meter = metrics.getMeter('atlas.consumer');
  private readonly duration = this.meter.createHistogram('atlas.consumer.batch.duration', {
    unit: 's',
    description: 'Batches, by topic and outcome; a failed one is redelivered',
    advice: { explicitBucketBoundaries: DURATION_BUCKETS_S },
  });
  private readonly age = this.meter.createHistogram('atlas.consumer.record.age', {
    unit: 's',
    description: 'Time from log to handled, of the oldest record of each batch',
    advice: { explicitBucketBoundaries: AGE_BUCKETS_S },
  });
  private readonly records = this.meter.createCounter('atlas.consumer.records', {
    description: 'Records of finished batches',
  });
  private readonly letters = this.meter.createCounter('atlas.consumer.dead_letters', {
    description: 'Records that were set aside, by topic and kind',
  });
  private readonly unknown = this.meter.createCounter('atlas.consumer.passed_over', {
    description: 'Events of types and versions that the consumer neither handles nor knows',
  });

  /**
   * @param countOpen how many dead letters await a decision; the same number in every replica.
   * @param limit how many may.
   */
  constructor(countOpen: () => Promise<number>, limit: number) {
    const ask = sampled(COUNT_EVERY_MS, countOpen);
    this.meter
      .createObservableGauge('atlas.consumer.dead_letters.open', {
        description: 'Dead letters that await a decision',
      })
      .addCallback(async (result) => {
        const open = await ask();
        if (open !== undefined) result.observe(open);
      });
    this.meter
      .createObservableGauge('atlas.consumer.dead_letters.limit', {
        description: 'Open dead letters with which the consumer stands still',
      })
      .addCallback((result) => result.observe(limit));
  }

  /** @returns a function to call when the batch ends. */
  begin({ topic, records }: RecordBatch): (outcome: 'handled' | 'failed') => void {
    const begunAt = performance.now();
    return (outcome) => {
      this.duration.record((performance.now() - begunAt) / 1_000, { topic, outcome });
      if (outcome === 'failed') return;
      this.records.add(records.length, { topic });
      const [oldest] = records;
      if (oldest) this.age.record(Math.max(0, Date.now() - oldest.timestamp) / 1_000, { topic });
    };
  }

  passedOver(topic: string): void {
    this.unknown.add(1, { topic });
  }

  setAside(topic: string, kind: DeadLetterKind): void {
    this.letters.add(1, { topic, kind });
  }
}

/** Metrics of a consumer whose log no longer has what comes next. All are there from the start. */
export class LogGapMetrics {
  private readonly meter = metrics.getMeter('atlas.consumer');
  private readonly gaps = this.meter.createCounter('atlas.consumer.log_gaps', {
    description: 'Positions that were not in the log any more',
  });

  /** @param standingStill how many partitions of this process stand still because of a gap. */
  constructor(standingStill: () => number) {
    this.gaps.add(0);
    this.meter
      .createObservableGauge('atlas.consumer.standing_still', {
        description: 'Partitions that stand still, because the log lacks what comes next',
      })
      .addCallback((result) => result.observe(standingStill()));
  }

  found(): void {
    this.gaps.add(1);
  }
}
