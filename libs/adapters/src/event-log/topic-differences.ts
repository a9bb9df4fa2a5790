import { metrics } from '@opentelemetry/api';

/** Shows in how many ways, all harmless, each topic differs from its declaration; others stop the process. */
export class TopicDifferences {
  private readonly counts = new Map<string, number>();

  constructor() {
    metrics
      .getMeter('atlas.event_log')
      .createObservableGauge('atlas.log.topic.differences', {
        unit: '{setting}',
        description: "A topic's settings that differ from its declaration without harm, as of the start",
      })
      .addCallback((result) => {
        for (const [topic, count] of this.counts) result.observe(count, { topic });
      });
  }

  set(topic: string, count: number): void {
    this.counts.set(topic, count);
  }
}
