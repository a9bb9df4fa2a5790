import { type Options, Presets, SingleBar } from 'cli-progress';
import Table from 'cli-table3';
import { AtlasClient } from '../client';
import { connect } from '@atlas/cli/platform';
import { customerOf, load, type LoadOptions, type LoadProgress, type LoadResult } from '../load/load';

export interface LoadCommandOptions extends LoadOptions {
  readonly json?: boolean;
}

/**
 * Places an order for each basket of a file on the running platform.
 * @returns the exit code: 0 once all are settled.
 */
export async function runLoad({ json, ...options }: LoadCommandOptions): Promise<number> {
  const { urls } = await connect();
  const client = new AtlasClient(urls, { connections: options.concurrency });
  const bar = new LoadBar();
  try {
    const result = await load(client, options, bar);
    bar.stop();
    process.stdout.write(json ? `${JSON.stringify(result, undefined, 2)}\n` : describeLoad(result));
    return 0;
  } finally {
    bar.stop();
    await client.close();
  }
}

/** Progress on stderr: a bar on a terminal, a line every few seconds elsewhere. */
export class LoadBar implements LoadProgress {
  private readonly bar: SingleBar;
  private began: number | undefined;
  private over = false;

  constructor(options: Options = {}) {
    this.bar = new SingleBar(
      {
        format: '{bar} {settled}/{total} settled, {placed} placed, {rate} orders/s, {duration_formatted}',
        stream: process.stderr,
        noTTYOutput: true,
        notTTYSchedule: 5_000,
        hideCursor: true,
        ...options,
      },
      Presets.shades_classic,
    );
  }

  update({ baskets, placed, settled }: { baskets: number; placed: number; settled: number }): void {
    if (this.over) return; // requests that were under way when the load failed
    if (this.began === undefined) {
      this.began = performance.now();
      this.bar.start(baskets, 0, { placed, settled, rate: 0 });
    }
    const rate = Math.round((settled * 1_000) / Math.max(1, performance.now() - this.began));
    this.bar.update(settled, { placed, settled, rate });
  }

  stop(): void {
    this.over = true;
    if (this.bar.isActive) this.bar.stop();
  }
}

export function describeLoad(result: LoadResult): string {
  const { run, lines, skipped, placed, confirmed, cancelled, retried, settledAfterMs } = result;
  const { ordersPerSecond, wallMs } = result;
  const table = new Table({ style: { head: [], border: [], compact: true } });
  const listed = (counts: Readonly<Record<string, number>>): string =>
    Object.entries(counts)
      .map(([reason, count]) => `${count} ${reason}`)
      .join('\n') || '0';
  const { p50, p95, p99 } = settledAfterMs;
  table.push(
    { customer: customerOf(run) },
    { lines: `${lines}, ${skipped.count} of them skipped` },
    { placed },
    { confirmed },
    { cancelled: listed(cancelled) },
    { 'requests retried': listed(retried) },
    { 'orders/s': `${ordersPerSecond.toFixed(1)} (first placed → last settled)` },
    { 'placed → settled': `p50 ${p50} ms, p95 ${p95} ms, p99 ${p99} ms` },
    { 'wall time': `${(wallMs / 1_000).toFixed(1)} s` },
  );
  const skips = skipped.first.map(({ line, reason }) => `line ${line} ${reason}`);
  const more = skipped.count - skips.length;
  if (more > 0) skips.push(`and ${more} more`);
  return `${[table.toString(), ...(skips.length > 0 ? ['Skipped:', ...skips.map((skip) => `  ${skip}`)] : [])].join('\n')}\n`;
}
