import { metrics } from '@opentelemetry/api';
import type { Resilience } from '../resilience';

/** Seconds; recommended by OpenTelemetry's conventions. */
const BUCKETS_S = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];

const STATE_VALUES = { closed: 0, 'half-open': 1, open: 2 } as const;

/** Counts and times the work of policies. Costs next to nothing without an SDK in the process. */
export function measurePolicies(resilience: Resilience): void {
  const meter = metrics.getMeter('atlas.resilience');
  const calls = meter.createHistogram('atlas.resilience.call.duration', {
    unit: 's',
    description: 'Calls to a dependency, waits included, by outcome',
    advice: { explicitBucketBoundaries: BUCKETS_S },
  });
  const attempts = meter.createHistogram('atlas.resilience.attempt.duration', {
    unit: 's',
    description: 'Single attempts of calls, by outcome',
    advice: { explicitBucketBoundaries: BUCKETS_S },
  });
  const retries = meter.createCounter('atlas.resilience.retries', { description: 'Retries' });
  const refusals = meter.createCounter('atlas.resilience.refusals', {
    description: 'Calls that were not made or not retried, by what refused them',
  });
  const changes = meter.createCounter('atlas.resilience.breaker.changes', {
    description: 'Changes of circuit breakers, by new state',
  });
  resilience.listen((event) => {
    const { dependency } = event;
    switch (event.kind) {
      case 'call':
        return calls.record(event.durationMs / 1_000, { dependency, outcome: event.outcome });
      case 'attempt':
        return attempts.record(event.durationMs / 1_000, { dependency, outcome: event.outcome });
      case 'retry':
        return retries.add(1, { dependency });
      case 'refused':
        return refusals.add(1, { dependency, by: event.by });
      case 'breaker':
        return changes.add(1, { dependency, state: event.state });
    }
  });
  meter
    .createObservableGauge('atlas.resilience.breaker.state', {
      description: 'State of circuit breakers: 0 closed, 1 half-open, 2 open',
    })
    .addCallback((result) => {
      for (const { dependency, breaker } of resilience.states()) {
        if (breaker) result.observe(STATE_VALUES[breaker], { dependency });
      }
    });
  meter
    .createObservableGauge('atlas.resilience.bulkhead.calls', {
      description: 'Open and waiting calls to a dependency',
    })
    .addCallback((result) => {
      for (const { dependency, running, queued } of resilience.states()) {
        result.observe(running, { dependency, state: 'running' });
        result.observe(queued, { dependency, state: 'queued' });
      }
    });
}
