import { MISHAPS, OUTAGES } from '../src/plan';
import { partsWith } from '../src/mutations';
import { simulatePlan, simulateSeed } from '../src/simulation';
import { count, noTotals } from '../src/totals';
import { shrink } from '../src/shrink';
import { useCasesOfAll } from '../src/world';

jest.setTimeout(300_000);

/** Enough for every status and every fault; `npm run simulate` runs any number. */
const SEEDS = 200;
/** Queries answer HTTP requests, which the simulation leaves out; so do the commands that set the sandbox's faults. */
const LEFT_OUT = [
  ...['GetOrder', 'ListOrders', 'ListPrices', 'GetReservation', 'GetStockItem', 'ListStock'],
  ...['GetPayment', 'GetBalances', 'GetReconciliation'],
  ...['GetProduct', 'SearchProducts', 'GetCategory', 'ListCategories'],
  ...['SetFaults', 'ClearFaults', 'InjectFaults', 'GetFaults'],
];
const STATUSES = {
  order: ['placed', 'awaiting-payment', 'confirmed', 'cancelled'],
  reservation: ['reserved', 'committed', 'released', 'expired', 'rejected'],
  payment: ['pending', 'captured', 'declined', 'failed', 'voided', 'refunding', 'refunded'],
};

describe('The simulation', () => {
  it('finds nothing wrong, reaches every status, runs every use case and injects every fault', async () => {
    const totals = noTotals();
    for (let seed = 1; seed <= SEEDS; seed += 1) count(totals, await simulateSeed(seed));
    expect(totals.failures).toEqual([]);
    expect(Object.keys(totals.reached).sort()).toEqual(
      Object.entries(STATUSES)
        .flatMap(([kind, statuses]) => statuses.map((status) => `${kind} ${status}`))
        .sort(),
    );
    expect(Object.keys(totals.executed).sort()).toEqual(
      useCasesOfAll()
        .filter((name) => !LEFT_OUT.includes(name))
        .sort(),
    );
    expect(Object.keys(totals.faults).sort()).toEqual([...OUTAGES, ...MISHAPS, 'delay'].sort());
  });

  it('runs a seed and its plan in the same way each time', async () => {
    for (const seed of [7, 11, 19]) {
      const { digest, plan, steps } = await simulateSeed(seed);
      expect(await simulateSeed(seed)).toMatchObject({ digest, steps });
      expect(await simulatePlan(plan)).toMatchObject({ digest, steps });
    }
  });

  it('runs different seeds differently', async () => {
    const digests = [await simulateSeed(1), await simulateSeed(2)].map(({ digest }) => digest);
    expect(new Set(digests).size).toBe(2);
  });
});

describe.each([
  { mutation: 'ack-before-commit', within: 60 },
  { mutation: 'cursor-by-id', within: 60 },
  { mutation: 'inbox-dropped', within: 60 },
])('The mistake $mutation', ({ mutation, within }) => {
  const parts = partsWith(mutation);

  it(`is found within ${within} seeds, and shrinks to a short run that fails again`, async () => {
    let seed = 1;
    let failing = await simulateSeed(seed, parts);
    while (!failing.violation && seed < within) failing = await simulateSeed((seed += 1), parts);
    expect(failing.violation).toBeDefined();

    const { outcome } = await shrink(failing, (plan) => simulatePlan(plan, parts));
    const { plan, trace, digest, violation } = outcome;
    expect(violation?.rule).toBe(failing.violation?.rule);
    expect(trace.length).toBeLessThan(60);
    expect(await simulatePlan(plan, parts)).toMatchObject({
      digest,
      violation: { message: violation?.message },
    });
    // It is the mistake that fails, not the plan.
    expect(await simulatePlan(plan)).toMatchObject({ violation: undefined });
  });
});
