// Runs seeds for main.ts, in a process of its own: each message is a range of seeds, the answer their totals.
import { partsWith } from './mutations';
import { simulateSeed } from './simulation';
import { count, noTotals } from './totals';

export interface Range {
  readonly first: number;
  readonly last: number;
  readonly mutation: string | undefined;
}

process.on('message', ({ first, last, mutation }: Range) => {
  void (async () => {
    const totals = noTotals();
    for (let seed = first; seed <= last; seed += 1)
      count(totals, await simulateSeed(seed, partsWith(mutation)));
    process.send?.(totals);
  })();
});
