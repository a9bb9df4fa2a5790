import Table from 'cli-table3';
import type { Plan } from './plan';
import type { Outcome } from './simulation';
import type { Totals } from './totals';

const whole = (value: number) => Math.round(value).toLocaleString('en');

/** @param tookMs the real time. */
export function describeTotals(totals: Totals, tookMs: number): string {
  const { seeds, steps, virtualMs, faults, reached, executed } = totals;
  const seconds = tookMs / 1_000;
  const sentence =
    `${whole(seeds)} seeds in ${whole(seconds)} s (${whole(seeds / seconds)} a second): ` +
    `${whole(steps)} steps in ${whole(virtualMs / 3_600_000)} hours of virtual time`;
  return [
    sentence,
    tableOf('fault', 'times', faults),
    tableOf('status', 'runs that reached it', reached),
    tableOf('use case', 'runs that ran it', executed),
    '',
  ].join('\n');
}

/** A failing run, and how to see it again. */
export function describeFailure({ violation, plan, trace, steps }: Outcome): string {
  return [
    `${violation?.message}`,
    `${plan.actions.length} actions, ${plan.outages.length} outages, ${plan.deviations.length} deviations, ${whole(steps)} steps`,
    describePlan(plan),
    ...trace,
    '',
  ].join('\n');
}

function describePlan({ stock, expiresEarly, actions, outages, deviations }: Plan): string {
  return [
    `stock ${stock.join(', ')}${expiresEarly ? '; reservations expire before the deadline' : ''}`,
    ...actions.map((action) => `action ${JSON.stringify(action)}`),
    ...outages.map((outage) => `outage ${JSON.stringify(outage)}`),
    ...deviations.map(
      ({ name, at, delayMs, mishap }) =>
        `step ${name}, from ${at} ms on: ${mishap ?? ''}${delayMs > 0 ? ` ${delayMs} ms late` : ''}`,
    ),
  ].join('\n');
}

function tableOf(name: string, unit: string, counts: Readonly<Record<string, number>>): string {
  const table = new Table({
    head: [name, unit],
    style: { head: [], border: [], compact: true },
    colAligns: ['left', 'right'],
  });
  for (const [key, times] of Object.entries(counts).sort(([a], [b]) => (a < b ? -1 : 1))) {
    table.push([key, whole(times)]);
  }
  return table.toString();
}
