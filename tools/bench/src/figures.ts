import { cpus, loadavg, release, totalmem } from 'node:os';

/** The median; of an even number of values, the mean of the middle two. @throws Error if there are no values. */
export function median(values: readonly number[]): number {
  if (values.length === 0) throw new Error('The median of no values is undefined');
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? (sorted[middle] as number)
    : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
}

/** Nearest-rank percentiles and the maximum of at least one value. */
export interface Spread {
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
}

export function spreadOf(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  const rank = (percent: number) => sorted[Math.ceil((percent / 100) * sorted.length) - 1] as number;
  return { p50: rank(50), p95: rank(95), p99: rank(99), max: rank(100) };
}

/** The machine that a figure was measured on. */
export const machine = () => ({
  processor: cpus()[0]?.model.trim() ?? 'unknown',
  cores: cpus().length,
  memoryGiB: Math.round(totalmem() / 2 ** 30),
  system: `Linux ${release()}`,
  node: process.version,
  /** Load average of the last minute: what else was running at the start. */
  load: Number((loadavg()[0] as number).toFixed(2)),
});

/** Prints progress to stderr. */
export const say = (text: string): boolean => process.stderr.write(`bench: ${text}\n`);
