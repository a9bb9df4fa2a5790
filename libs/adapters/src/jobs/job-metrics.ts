import { metrics } from '@opentelemetry/api';

const BUCKETS_S = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];

/** Counts and times background work. Without an SDK in the process this costs next to nothing. */
export class JobMetrics {
  private readonly duration = metrics.getMeter('atlas.jobs').createHistogram('atlas.jobs.run.duration', {
    unit: 's',
    description: 'Runs of background jobs (of pumped ones: their items), by job and outcome',
    advice: { explicitBucketBoundaries: BUCKETS_S },
  });

  async measure<T>(job: string, run: () => Promise<T>): Promise<T> {
    const begunAt = performance.now();
    let outcome: 'succeeded' | 'failed' = 'failed';
    try {
      const result = await run();
      outcome = 'succeeded';
      return result;
    } finally {
      this.duration.record((performance.now() - begunAt) / 1_000, { job, outcome });
    }
  }
}
