import { randomUUID } from 'node:crypto';
import { eventually } from '@atlas/testing';
import fc from 'fast-check';
import { CancelPayment } from '../src/application/commands/cancel-payment';
import { PRICE } from './builders';
import { RunningPayments } from './running-payments';

const RUNS = Number(process.env['PROVIDER_FAULT_RUNS'] ?? 6);

interface Health {
  readonly details: {
    readonly provider: { readonly status: string; readonly message?: string; readonly breaker: string };
  };
}

describe('Payments, when the provider', () => {
  let payments: RunningPayments;

  beforeAll(async () => {
    process.env['RESILIENCE_PROVIDER_BREAKER_OPEN_MS'] = '100';
    process.env['RESILIENCE_PROVIDER_READS_BREAKER_OPEN_MS'] = '100';
    payments = await RunningPayments.start({ env: { PROVIDER_TIMEOUT_MS: '100' } });
  });
  afterAll(() => payments?.stop());

  const readiness = async () => {
    const answer = await payments.context.send('GET', '/health/ready');
    return { status: answer.statusCode, provider: answer.json<Health>().details.provider };
  };
  const place = async (count: number) => {
    const ids = Array.from({ length: count }, () => randomUUID());
    for (const id of ids) await payments.request(id);
    return ids;
  };
  const circuitIs = (state: string) =>
    eventually(async () => {
      const { provider } = await readiness();
      return provider.breaker === state && provider;
    });

  it.each([
    ['is killed', () => payments.provider.kill(), () => payments.provider.startAgain()],
    [
      'hangs',
      async () => payments.provider.signal('SIGSTOP'),
      async () => payments.provider.signal('SIGCONT'),
    ],
    [
      'fails every charge',
      () => payments.provider.setFaults({ kind: 'error-before' }),
      () => payments.provider.clearFaults(),
    ],
  ])(
    '%s, wait without failing, say so in their readiness, and go on by themselves',
    async (_, end, begin) => {
      await end();
      const ids = await place(6);
      expect(await circuitIs('open')).toMatchObject({
        status: 'degraded',
        message: expect.stringContaining('suspended for now'),
      });
      expect((await readiness()).status).toBe(200);
      // Each turn of the circuit lets one try; however often that is, it must not use the payment up.
      await eventually(async () => {
        const [row] = await payments.query<{ attempts: number }>(
          'SELECT max(attempts) AS attempts FROM payment WHERE id = ANY ($1)',
          [ids],
        );
        return row!.attempts > 3;
      });
      for (const id of ids) expect((await payments.read(id)).status).toBe('pending');
      await begin();
      for (const id of ids) await payments.reaches(id, 'captured');
      await circuitIs('closed');
      for (const id of ids) expect(await payments.provider.chargesOf(id)).toHaveLength(1);
    },
  );

  it('is left alone, claim nothing', async () => {
    await payments.provider.kill();
    const ids = await place(20);
    await circuitIs('open');
    const attempts = async () => {
      const [row] = await payments.query<{ sum: string }>(
        'SELECT sum(attempts) FROM payment WHERE id = ANY ($1)',
        [ids],
      );
      return Number(row!.sum);
    };
    // The workers that were on their way, and then one at a time.
    const before = await attempts();
    await eventually(async () => (await attempts()) > before + 2);
    expect(await attempts()).toBeLessThan(before + 20);
    await payments.provider.startAgain();
    for (const id of ids) await payments.reaches(id, 'captured');
  });

  it('does whatever it can do wrong, end with exactly one charge for each that is captured, and none for others', async () => {
    const operations = fc.constantFrom(
      ['charge', 'refund'],
      ['charge'],
      ['refund'],
      ['charge', 'refund', 'read'],
    );
    const common = {
      probability: fc.constantFrom(0.3, 0.7, 1),
      on: operations,
      count: fc.integer({ min: 1, max: 8 }),
    };
    const fault = fc.oneof(
      fc.record({ kind: fc.constant('latency'), delayMs: fc.constantFrom(5, 90, 400), ...common }),
      fc.record({ kind: fc.constant('rate-limit'), retryAfterSeconds: fc.constant(0), ...common }),
      fc.record({ kind: fc.constant('slow-body'), overMs: fc.constantFrom(20, 500), ...common }),
      fc.record({
        kind: fc.constantFrom('error-before', 'error-after', 'reset-before', 'reset-after', 'silence-after'),
        ...common,
      }),
    );
    const payment = fc.record({
      token: fc.constantFrom('tok_approve', 'tok_approve', 'tok_approve', 'tok_decline', 'tok_timeout'),
      cancel: fc.constantFrom('never', 'never', 'at once', 'later'),
      /** Another process claims it, charges, and dies or sleeps before its record. */
      paused: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(fault, { minLength: 1, maxLength: 4 }),
        fc.array(payment, { minLength: 1, maxLength: 5 }),
        fc.boolean(),
        async (faults, wishes, kill) => {
          await payments.provider.setFaults(...faults);
          const cancelPayment = payments.get(CancelPayment);
          const paused = payments.pausedWorker();
          const sleeping: (() => Promise<unknown>)[] = [];
          const all: ((typeof wishes)[number] & { readonly id: string })[] = [];
          for (const wish of wishes) {
            const id = randomUUID();
            if (wish.paused) await payments.pauseWorkers();
            await payments.request(id, wish.token);
            if (wish.paused) {
              for (const claimed of await paused.claim(10)) sleeping.push(() => paused.attempt(claimed));
              payments.resumeWorkers();
            }
            if (wish.cancel === 'at once') await cancelPayment.execute(id);
            all.push({ ...wish, id });
          }
          if (kill) {
            await payments.provider.kill();
            await payments.provider.startAgain();
          }
          for (const { id, cancel } of all) if (cancel === 'later') await cancelPayment.execute(id);
          // A payment waits up to 30 s before its next attempt, and a silent card needs several.
          const settled = () =>
            eventually(async () => {
              const found = await Promise.all(all.map(({ id }) => payments.read(id)));
              return found.every(({ status }) => status !== 'pending' && status !== 'refunding');
            }, 120_000);
          await settled();
          // The sleepers wake up, charge, and die.
          for (const charge of sleeping) await charge();
          await payments.provider.clearFaults();
          // What is still on its way to the provider arrives, too, and is found.
          await eventually(async () => {
            await payments.reconcile();
            await settled();
            for (const { id, cancel } of all) {
              const { status, chargeId, refundId } = await payments.read(id);
              const charges = (await payments.provider.chargesOf(id)).filter(({ declined }) => !declined);
              if (cancel !== 'never') expect(status).not.toBe('captured');
              expect(charges).toEqual(
                status === 'captured' || status === 'refunded'
                  ? [{ id: chargeId, declined: null, refund_id: refundId ?? null }]
                  : [],
              );
              expect(await payments.booked(id)).toBe(status === 'captured' ? PRICE : 0);
            }
            expect(await payments.provider.holds()).toBe(await payments.booked());
            return true;
          });
        },
      ),
      // A run takes seconds, and a failed one its whole deadline: too long to shrink it.
      { numRuns: RUNS, endOnFailure: true },
    );
  }, 300_000);
});
