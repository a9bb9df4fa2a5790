import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { z } from 'zod';

const DEPLOY = resolve(__dirname, '../../../deploy');

export const PROMETHEUS_FOLDER = resolve(DEPLOY, 'prometheus');

const datasource = z.object({ type: z.literal('prometheus'), uid: z.literal('${datasource}') });
const gridPos = z.strictObject({
  h: z.int().min(1),
  w: z.int().min(1),
  x: z.int().min(0),
  y: z.int().min(0),
});
const row = z.object({ id: z.int(), type: z.literal('row'), title: z.string(), gridPos });
const graph = z.object({
  id: z.int(),
  type: z.enum(['stat', 'timeseries']),
  title: z.string(),
  description: z.string().min(1),
  datasource,
  gridPos,
  fieldConfig: z.object({ defaults: z.object({ unit: z.string() }), overrides: z.array(z.unknown()) }),
  targets: z
    .array(z.object({ refId: z.string(), datasource, expr: z.string(), legendFormat: z.string() }))
    .min(1),
});

/** What Grafana wants of a dashboard, as far as this one makes use of it. */
export const dashboardSchema = z.object({
  uid: z.string(),
  title: z.string(),
  schemaVersion: z.int(),
  time: z.object({ from: z.string(), to: z.string() }),
  templating: z.object({ list: z.array(z.object({ name: z.string(), type: z.string() })) }),
  panels: z.array(z.discriminatedUnion('type', [row, graph])),
});

/** @throws Error if the dashboard is not as Grafana wants it. */
export const readDashboard = (): z.infer<typeof dashboardSchema> =>
  dashboardSchema.parse(JSON.parse(readFileSync(resolve(DEPLOY, 'grafana/dashboards/atlas.json'), 'utf8')));

/** The dashboard's queries, with its variables filled in as Grafana would. */
export const dashboardQueries = (): readonly string[] =>
  readDashboard().panels.flatMap((panel) =>
    panel.type === 'row'
      ? []
      : panel.targets.map(({ expr }) => expr.replaceAll('$__rate_interval', '5m').replaceAll('$job', '.+')),
  );

/** The names of the metrics that the dashboard or an alert asks for, without those that rules record. */
export function metricsAskedFor(): ReadonlySet<string> {
  const rules = readFileSync(resolve(PROMETHEUS_FOLDER, 'rules.yml'), 'utf8');
  const texts = [rules, ...dashboardQueries()].join('\n');
  const withoutLabels = texts.replaceAll(/\b(?:by|on) \([^)]*\)/g, '').replaceAll(/\{[^{}]*\}/g, '{}');
  return new Set(withoutLabels.match(/(?<![\w:])(?:atlas|db|http|nodejs|process|v8js)_\w+(?=[{[ )])/g));
}
