import { fork } from 'node:child_process';
import { join } from 'node:path';
import { merge, noTotals, type Totals } from './totals';
import type { Range } from './worker';

export interface SeedsToRun {
  readonly first: number;
  readonly count: number;
  readonly mutation: string | undefined;
  /** How many processes to use. */
  readonly workers: number;
}

/** Seeds for a worker at a time. */
const RANGE = 20;
/** It stops early when so many seeds fail. */
const MAX_FAILURES = 20;

/** Runs seeds in several processes at once. @param onProgress called with the totals so far. */
export async function runSeeds(
  { first, count, mutation, workers }: SeedsToRun,
  onProgress: (totals: Totals) => void,
): Promise<Totals> {
  const totals = noTotals();
  const end = first + count;
  let next = first;
  const work = () =>
    new Promise<void>((done, failed) => {
      const worker = fork(join(__dirname, 'worker.ts'));
      const giveRange = () => {
        if (next >= end || totals.failures.length >= MAX_FAILURES) return worker.disconnect();
        const range: Range = { first: next, last: Math.min(next + RANGE, end) - 1, mutation };
        next += RANGE;
        worker.send(range);
      };
      worker.on('message', (more: Totals) => {
        merge(totals, more);
        onProgress(totals);
        giveRange();
      });
      worker.once('error', failed);
      worker.once('exit', (code) =>
        code === 0 ? done() : failed(new Error(`A worker ended with the code ${code}`)),
      );
      giveRange();
    });
  await Promise.all(Array.from({ length: workers }, work));
  totals.failures.sort((a, b) => a.seed - b.seed);
  return totals;
}
