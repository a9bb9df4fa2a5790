import { randomUUID } from 'node:crypto';
import { Logger } from '@nestjs/common';
import { metrics } from '@opentelemetry/api';
import { PrometheusExporter, PrometheusSerializer } from '@opentelemetry/exporter-prometheus';
import { RuntimeNodeInstrumentation } from '@opentelemetry/instrumentation-runtime-node';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import { withUnitInName } from './unit-in-name';

/** After this time a scrape omits instruments that have not answered. */
const COLLECT_TIMEOUT_MS = 5_000;
/** How often the event loop's delay is sampled, milliseconds. */
const DELAY_RESOLUTION_MS = 20;

/**
 * All metrics of this process. It becomes the global meter provider of OpenTelemetry's API, so create it before the
 * application. One process is one service; where tests create several in one process, each collects what is measured
 * until the next one is created.
 */
export class ProcessMetrics {
  private readonly logger = new Logger(ProcessMetrics.name);
  private readonly reader = new PrometheusExporter({ preventServerStart: true });
  private readonly serializer = new PrometheusSerializer(undefined, false, undefined, false, true);
  private readonly runtime = new RuntimeNodeInstrumentation({ monitoringPrecision: DELAY_RESOLUTION_MS });
  private readonly provider: MeterProvider;

  constructor(service: string) {
    this.provider = new MeterProvider({
      resource: resourceFromAttributes({
        'service.namespace': 'atlas',
        'service.name': service,
        'service.instance.id': randomUUID(),
        'process.pid': process.pid,
        'process.runtime.name': 'nodejs',
        'process.runtime.version': process.versions.node,
      }),
      readers: [this.reader],
    });
    metrics.disable();
    metrics.setGlobalMeterProvider(this.provider);
    this.runtime.setMeterProvider(this.provider);
    measureProcess();
  }

  /** @returns the current values of all instruments in Prometheus' text format 0.0.4. */
  async read(): Promise<string> {
    const { resourceMetrics, errors } = await this.reader.collect({ timeoutMillis: COLLECT_TIMEOUT_MS });
    for (const error of errors) this.logger.warn(`Can't read a metric: ${String(error)}`);
    return this.serializer.serialize(withUnitInName(resourceMetrics));
  }

  async close(): Promise<void> {
    this.runtime.disable();
    await this.provider.shutdown();
  }
}

/** CPU and memory, named by OpenTelemetry's conventions; an instrumentation covers event loop, heap and GC. */
function measureProcess(): void {
  const meter = metrics.getMeter('atlas.process');
  meter
    .createObservableCounter('process.cpu.time', { unit: 's', description: 'CPU time, by mode' })
    .addCallback((result) => {
      const { user, system } = process.cpuUsage();
      result.observe(user / 1e6, { 'cpu.mode': 'user' });
      result.observe(system / 1e6, { 'cpu.mode': 'system' });
    });
  meter
    .createObservableUpDownCounter('process.memory.usage', { unit: 'By', description: 'Resident memory' })
    .addCallback((result) => result.observe(process.memoryUsage.rss()));
  meter
    .createObservableGauge('process.uptime', { unit: 's', description: 'Time since the process started' })
    .addCallback((result) => result.observe(process.uptime()));
}
