export interface MetricSample {
  /** Includes a histogram's suffix: `_bucket`, `_count` or `_sum`. */
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface MetricFamily {
  readonly type: string;
  readonly help: string;
  readonly samples: readonly MetricSample[];
}

const COMMENT = /^# (HELP|TYPE|UNIT) ([a-zA-Z_:][\w:]*) (.+)$/;
const SAMPLE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (NaN|[+-]?Inf|[+-]?\d[\d.]*(?:e[+-]?\d+)?)$/i;
const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\]|\\[\\"n])*)"(?:,|$)/y;

/**
 * Parses Prometheus' text format, version 0.0.4, strictly: a family's help and type precede its samples, its lines are
 * contiguous, and no series is duplicated.
 * @throws Error that quotes the line.
 */
export function parsePrometheusText(text: string): ReadonlyMap<string, MetricFamily> {
  const families = new Map<string, { type: string; help: string; samples: MetricSample[] }>();
  const series = new Set<string>();
  let help: string | undefined;
  let name = '';
  for (const line of text.split('\n')) {
    const wrong = (what: string) => new Error(`${what}: ${line}`);
    if (line === '') continue;
    if (line.startsWith('#')) {
      const [, keyword, of = '', rest = ''] = COMMENT.exec(line) ?? [];
      if (!keyword) throw wrong('Invalid comment');
      if (keyword === 'HELP') help = rest;
      if (keyword !== 'TYPE') continue;
      if (families.has(of)) throw wrong('Duplicate family');
      if (!help) throw wrong('Family without help');
      families.set(of, { type: rest, help, samples: [] });
      help = undefined;
      name = of;
      continue;
    }
    const [, sample = '', labels = '', value = ''] = SAMPLE.exec(line) ?? [];
    const family = families.get(name);
    const suffix = family?.type === 'histogram' ? /^_(?:bucket|count|sum)$/ : /^$/;
    if (!family || !sample.startsWith(name) || !suffix.test(sample.slice(name.length))) {
      throw wrong('Sample of another family');
    }
    const found: MetricSample = { name: sample, labels: parseLabels(labels, wrong), value: toNumber(value) };
    const key = JSON.stringify([sample, Object.entries(found.labels).sort()]);
    if (series.has(key)) throw wrong('Duplicate series');
    series.add(key);
    family.samples.push(found);
  }
  return families;
}

function parseLabels(text: string, wrong: (what: string) => Error): Readonly<Record<string, string>> {
  const labels: Record<string, string> = {};
  LABEL.lastIndex = 0;
  for (let at = 0; at < text.length; at = LABEL.lastIndex) {
    const [, name, value = ''] = LABEL.exec(text) ?? [];
    if (name === undefined || name in labels) throw wrong('Invalid labels');
    labels[name] = value.replaceAll(/\\(.)/g, (_, char: string) => (char === 'n' ? '\n' : char));
  }
  return labels;
}

const toNumber = (text: string): number => Number(text.replace(/Inf$/i, 'Infinity'));
