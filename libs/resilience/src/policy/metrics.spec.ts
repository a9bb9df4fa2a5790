import { metrics } from '@opentelemetry/api';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import { DependencyError } from '../errors';
import { Resilience } from '../resilience';
import { measurePolicies } from './metrics';
import { loadPolicies } from './settings';

describe('What policies do', () => {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const provider = new MeterProvider({
    readers: [new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 })],
  });
  beforeAll(() => metrics.setGlobalMeterProvider(provider));
  afterAll(async () => {
    metrics.disable();
    await provider.shutdown();
  });

  /** By instrument and attributes, the count of a histogram or the value of anything else. */
  async function measured(): Promise<Record<string, number>> {
    exporter.reset();
    await provider.forceFlush();
    const all = exporter
      .getMetrics()
      .flatMap(({ scopeMetrics }) => scopeMetrics.flatMap((scope) => scope.metrics));
    return Object.fromEntries(
      all.flatMap(({ descriptor, dataPoints }) =>
        dataPoints.map(({ attributes, value }) => [
          [descriptor.name.replace('atlas.resilience.', ''), ...Object.values(attributes)].join(' '),
          typeof value === 'number' ? value : (value as { count: number }).count,
        ]),
      ),
    );
  }

  it('can be seen from outside', async () => {
    const resilience = new Resilience(
      loadPolicies({
        provider: {
          retry: { maxAttempts: 2, initialDelayMs: 1, maxDelayMs: 1 },
          breaker: { failures: 3 },
          bulkhead: { maxConcurrent: 1, maxQueued: 0 },
        },
      }),
    );
    measurePolicies(resilience);
    const policy = resilience.policy('provider');
    const fails = () => {
      throw new DependencyError('busy', { transient: true, mayHaveActed: false });
    };
    await policy.execute(({ number }) => (number === 1 ? fails() : 'charged'));
    await policy.execute(fails).catch(() => undefined);
    await policy.execute(fails, { fallback: () => 'later' });
    const gate = Promise.withResolvers<void>();
    const other = new Resilience(loadPolicies({ cache: { bulkhead: { maxConcurrent: 1, maxQueued: 0 } } }));
    measurePolicies(other);
    const open = other.policy('cache').execute(() => gate.promise);
    await other
      .policy('cache')
      .execute(() => undefined)
      .catch(() => undefined);

    expect(await measured()).toEqual({
      'call.duration provider success': 1,
      'call.duration provider failure': 1,
      'call.duration provider fallback': 1,
      'call.duration cache failure': 1,
      'attempt.duration provider failure': 4,
      'attempt.duration provider success': 1,
      'retries provider': 3,
      'refusals provider breaker': 1,
      'refusals cache bulkhead': 1,
      'breaker.changes provider open': 1,
      'breaker.state provider': 2,
      'breaker.state cache': 0,
      'bulkhead.calls provider running': 0,
      'bulkhead.calls provider queued': 0,
      'bulkhead.calls cache running': 1,
      'bulkhead.calls cache queued': 0,
    });
    gate.resolve();
    await open;
  });
});
