import { Money } from '@atlas/kernel';
import { JobTrigger, Random } from '@atlas/ports/application';
import { MemoryContext } from '@atlas/testing';
import fc from 'fast-check';
import { MemoryLedger } from '../../adapters/driven/memory/ledger.repository';
import { MemoryPaymentRepository } from '../../adapters/driven/memory/payments.repository';
import { MemoryPaymentProvider } from '../../adapters/driven/memory/provider';
import { Payment } from '../../domain/payment';
import type { Settlement } from '../../domain/settlement';
import type { ChargeOutcome, ChargeRecord, RefundOutcome } from '../ports';
import { CancelPayment } from './cancel-payment';
import { ClaimDuePayments } from './claim-due-payments';
import { RecordSettlements } from './record-settlements';
import { BACKOFF, SettlePayment } from './settle-payment';

const price = 487;
const HOUR_MS = 3_600_000;

/**
 * `lost`: it acts, and its answer does not arrive. `away`: it does not even hear. `broken`: its client fails. `busy`: it
 * asks not to be called for a while.
 */
type Mood = 'fine' | 'lost' | 'away' | 'broken' | 'busy';

const RETRY_AFTER_MS = 60_000;

/** A provider of moods. */
class MoodyProvider extends MemoryPaymentProvider {
  mood: Mood = 'fine';

  /** Minor units that it has taken and not given back. */
  get holds(): number {
    return this.lines.reduce(
      (sum, { kind, amount }) => sum + (kind === 'charge' ? amount.minorUnits : -amount.minorUnits),
      0,
    );
  }

  override charge(...call: Parameters<MemoryPaymentProvider['charge']>): Promise<ChargeOutcome> {
    return this.answer(() => super.charge(...call));
  }

  override refund(...call: Parameters<MemoryPaymentProvider['refund']>): Promise<RefundOutcome> {
    return this.answer(() => super.refund(...call));
  }

  override lookup(paymentId: string): Promise<ChargeRecord> {
    return this.answer(() => super.lookup(paymentId));
  }

  private async answer<Outcome>(act: () => Promise<Outcome>) {
    if (this.mood === 'broken') throw new Error('the client fails');
    if (this.mood === 'away') return { kind: 'unknown' } as const;
    if (this.mood === 'busy') {
      return { kind: 'unavailable', reason: 'too many requests', retryInMs: RETRY_AFTER_MS } as const;
    }
    const outcome = await act();
    return this.mood === 'lost' ? ({ kind: 'unknown' } as const) : outcome;
  }
}

class FixedRandom extends Random {
  constructor(private readonly value: number) {
    super();
  }
  fraction(): number {
    return this.value;
  }
}

class Jobs extends JobTrigger {
  readonly triggered: string[] = [];
  trigger(job: string): void {
    this.triggered.push(job);
  }
}

/** One payment that is due, and all that settles it. */
async function world(declines = false, chance = 0.5) {
  const context = new MemoryContext();
  const { clock } = context;
  const ledger = new MemoryLedger(context.unitOfWork);
  const payments = new MemoryPaymentRepository(context.unitOfWork, ledger, context.outbox);
  const provider = new MoodyProvider(clock);
  const jobs = new Jobs();
  const id = context.ids.next();
  const [amount, paymentToken] = [Money.of(price), declines ? 'tok_decline' : 'tok_approve'];
  const requested = Payment.request({ id, amount, paymentToken, at: clock.now() });
  await payments.add(requested);
  const claim = new ClaimDuePayments(payments, provider, clock, 1_000);
  const policy = { maxCharges: 3, backoffMs: () => 100, outageBackoffMs: 40 };
  const settle = new SettlePayment(provider, clock, new FixedRandom(chance), policy);
  const recording = new RecordSettlements(payments, clock, jobs);
  const cancelling = new CancelPayment(payments, clock, jobs);
  const state = async () => (await payments.get(id))!.snapshot();
  return {
    provider,
    jobs,
    settle,
    payment: requested.next,
    state,
    /** Whatever it waited for, an hour later it is due again, as are claims of processes that died. */
    attempt: async (): Promise<Settlement[]> => {
      clock.advance(HOUR_MS);
      return Promise.all((await claim.execute(1)).map((one) => settle.execute(one)));
    },
    record: (settlements: readonly Settlement[]) => recording.execute(settlements),
    cancel: () => cancelling.execute(id),
    status: async () => (await state()).status,
    waitMs: async () => (await state()).dueAt!.getTime() - clock.now().getTime(),
    told: () => context.told(id),
    /** Minor units that the provider holds for us, by our ledger. */
    held: async () => (await ledger.balances())[0]?.balance.minorUnits ?? 0,
  };
}

describe('Settling a payment', () => {
  it('repeats a charge whose answer got lost under the same key, so that it is made once', async () => {
    const { provider, record, attempt, status, state } = await world();
    provider.mood = 'lost';
    await record(await attempt());
    expect(await status()).toBe('pending');
    provider.mood = 'fine';
    await record(await attempt());
    expect(await state()).toMatchObject({ status: 'captured', chargeId: 'ch_1', attempts: 2 });
    expect(provider.holds).toBe(price);
  });

  it('asks before it gives up: three silent charges, one of them made, are a captured payment', async () => {
    const { provider, record, attempt, status } = await world();
    for (const mood of ['away', 'lost', 'away'] as const) {
      provider.mood = mood;
      await record(await attempt());
    }
    expect(await status()).toBe('pending');
    provider.mood = 'fine';
    await record(await attempt());
    expect(await status()).toBe('captured');
  });

  it('keeps asking while the provider is unavailable, and never guesses', async () => {
    const { provider, record, attempt, status } = await world();
    provider.mood = 'away';
    for (let asked = 0; asked < 20; asked++) await record(await attempt());
    expect(await status()).toBe('pending');
    provider.mood = 'fine';
    await record(await attempt());
    expect(await status()).toBe('failed');
  });

  it('waits at least as long as the provider asks for, and with jitter beyond that', async () => {
    for (const [chance, jitterMs] of [
      [0, 0],
      [0.5, 20],
    ] as const) {
      const { provider, record, attempt, status, waitMs, cancel } = await world(false, chance);
      provider.mood = 'busy';
      await record(await attempt());
      expect([await status(), await waitMs()]).toEqual(['pending', RETRY_AFTER_MS + jitterMs]);
      provider.mood = 'fine';
      await record(await attempt());
      await cancel();
      provider.mood = 'busy';
      await record(await attempt());
      expect([await status(), await waitMs()]).toEqual(['refunding', RETRY_AFTER_MS + jitterMs]);
    }
  });

  it('waits for a random part of the backoff after an error, so that payments spread out', async () => {
    for (const [mood, chance, ms] of [
      ['away', 0.25, 25],
      ['away', 0.75, 75],
      ['broken', 0.25, 10],
    ] as const) {
      const { provider, record, attempt, waitMs } = await world(false, chance);
      provider.mood = mood;
      await record(await attempt());
      expect(await waitMs()).toBe(ms);
    }
  });

  it('refunds a charge that crossed a cancellation at once, without waiting for the next look', async () => {
    const { jobs, record, attempt, status, cancel } = await world();
    const answers = await attempt();
    await cancel();
    expect(jobs.triggered).toEqual([]);
    await record(answers);
    expect([await status(), jobs.triggered]).toEqual(['refunding', ['settle-payments']]);
  });

  it('ends a payment that the provider declines, for the reason that it gives', async () => {
    const { provider, record, attempt, state, told } = await world(true);
    await record(await attempt());
    expect(await state()).toMatchObject({ status: 'declined', reason: 'insufficient funds' });
    expect([told(), provider.holds]).toEqual([['payments.payment-declined 1'], 0]);
  });

  it('asks for a refund under one key, whatever became of the attempts before', async () => {
    const { provider, record, attempt, status, state, cancel } = await world();
    await record(await attempt());
    await cancel();
    const asked = jest.spyOn(provider, 'refund');
    for (const mood of ['away', 'lost', 'busy', 'fine'] as const) {
      expect(await status()).toBe('refunding');
      provider.mood = mood;
      await record(await attempt());
    }
    expect(await status()).toBe('refunded');
    const { id, chargeId, amount } = await state();
    expect(asked.mock.calls).toEqual(Array.from({ length: 4 }, () => [`${id}:refund`, chargeId, amount]));
    expect(provider.holds).toBe(0);
  });

  it('keeps owing a refund that the provider declines, and says why it waits', async () => {
    const { provider, record, attempt, state, cancel, waitMs } = await world();
    await record(await attempt());
    await cancel();
    jest.spyOn(provider, 'refund').mockResolvedValueOnce({ kind: 'declined', reason: 'account locked' });
    await record(await attempt());
    expect(await state()).toMatchObject({ status: 'refunding', reason: 'account locked' });
    expect(await waitMs()).toBe(50);
    await record(await attempt());
    expect(await state()).toMatchObject({ status: 'refunded', reason: undefined });
  });

  it('postpones a payment that it has no business with, and says why', async () => {
    const { settle, payment } = await world();
    const captured = payment.charged('ch_1', new Date()).next;
    const settled = await settle.execute(captured);
    expect(settled.error?.message).toBe(`Payment ${payment.id} was claimed, but has no next step`);
    expect(settled.change(captured)).toEqual(captured.unchanged());
    const broken = new Payment({ ...captured.snapshot(), status: 'refunding', chargeId: undefined });
    expect((await settle.execute(broken)).error?.message).toBe(
      `Payment ${payment.id} is to be refunded, but has no charge`,
    );
  });

  it('waits twice as long after each attempt, up to half a minute, but at most two seconds in an outage', () => {
    expect([1, 2, 3, 8, 9, 100].map(BACKOFF.backoffMs)).toEqual([200, 400, 800, 25_600, 30_000, 30_000]);
    expect(BACKOFF.outageBackoffMs).toBe(2_000);
  });

  it('holds what the provider holds in the end, whatever crashes, gets lost or crosses on the way', async () => {
    const step = fc.oneof(
      fc.record({
        kind: fc.constant('attempt' as const),
        mood: fc.constantFrom<Mood>('fine', 'lost', 'away', 'broken', 'busy'),
        then: fc.constantFrom('record' as const, 'crash' as const, 'stall' as const),
      }),
      fc.constant({ kind: 'cancel' as const }),
      fc.constant({ kind: 'wake' as const }),
    );
    await fc.assert(
      fc.asyncProperty(fc.boolean(), fc.array(step, { maxLength: 25 }), async (declines, steps) => {
        const { provider, record, attempt, status, cancel, held, told, state } = await world(declines);
        const stalled: Settlement[] = [];
        let cancelled = false;
        const wake = async () => record(stalled.splice(0, 1));
        for (const each of steps) {
          if (each.kind === 'cancel') {
            cancelled = true;
            await cancel();
          } else if (each.kind === 'wake') {
            if (stalled.length > 0) await wake();
          } else {
            provider.mood = each.mood;
            const answers = await attempt();
            if (each.then === 'record' && answers.length > 0) await record(answers);
            if (each.then === 'stall') stalled.push(...answers);
          }
        }
        provider.mood = 'fine';
        while (stalled.length > 0) await wake();
        for (let answers = await attempt(); answers.length > 0; answers = await attempt())
          await record(answers);

        expect(provider.holds).toBe(await held());
        expect(await held()).toBe((await status()) === 'captured' ? price : 0);
        if (cancelled) expect(await status()).not.toBe('captured');
        expect(['captured', 'declined', 'failed', 'voided', 'refunded']).toContain(await status());
        expect((await state()).version).toBe(told().length);
      }),
      { numRuns: 1_000 },
    );
  });
});
