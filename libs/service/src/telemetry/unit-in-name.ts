import { DataPointType, type MetricData, type ResourceMetrics } from '@opentelemetry/sdk-metrics';

/** Units of the Unified Code for Units of Measure that are used here, and Prometheus' words for them. */
const WORDS: Readonly<Record<string, string>> = { s: 'seconds', ms: 'milliseconds', By: 'bytes' };

/**
 * Appends units to names, as OpenTelemetry's specification for Prometheus wants it and dashboards expect it; the
 * exporter leaves them out. `http.server.request.duration` in `s` is `http_server_request_duration_seconds` then.
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
  // What is counted, such as `{row}`, is left to the name.
  if (word === undefined) return { ...metric, descriptor: { ...metric.descriptor, unit: '' } };
  return { ...metric, descriptor: { ...metric.descriptor, name: `${name}.${word}`, unit: word } };
}
