import { DataPointType, type MetricData, type ResourceMetrics } from '@opentelemetry/sdk-metrics';

/** Units that are used here (Unified Code for Units of Measure) and Prometheus' words for them. */
const WORDS: Readonly<Record<string, string>> = { s: 'seconds', ms: 'milliseconds', By: 'bytes' };

/**
 * Appends units to names, as OpenTelemetry's specification for Prometheus requires and dashboards expect; the exporter
 * omits them. So `http.server.request.duration` in `s` becomes `http_server_request_duration_seconds`.
 */
export function withUnitInName(collected: ResourceMetrics): ResourceMetrics {
  return {
    ...collected,
    scopeMetrics: collected.scopeMetrics.map((scope) => ({ ...scope, metrics: scope.metrics.map(renamed) })),
  };
}

function renamed(metric: MetricData): MetricData {
  const { name, unit } = metric.descriptor;
  const isRatio = unit === '1' && metric.dataPointType === DataPointType.GAUGE;
  const word = isRatio ? 'ratio' : WORDS[unit];
  // Annotations such as `{row}` are not part of the name.
  if (word === undefined) return { ...metric, descriptor: { ...metric.descriptor, unit: '' } };
  return { ...metric, descriptor: { ...metric.descriptor, name: `${name}.${word}`, unit: word } };
}
