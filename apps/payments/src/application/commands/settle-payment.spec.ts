import { Money } from '@atlas/kernel';
import { Clock, JobTrigger, Random } from '@atlas/ports/application';
import fc from 'fast-check';
import { Payment, type PaymentChange } from '../../domain/payment';
import type { PaymentEvent } from '../../domain/payment-events';
import type { Settlement } from '../../domain/settlement';
import {
  type ChargeOutcome,
  type ChargeRecord,
  PaymentProvider,
  PaymentRepository,
  type RefundOutcome,
} from '../ports';
import { ClaimDuePayments } from './claim-due-payments';
import { RecordSettlements } from './record-settlements';
import { SettlePayment } from './settle-payment';

const price = 487;

/** One payment, in memory. A claim is free at once again, as if its lease had run out. */
class OnePayment extends PaymentRepository {
  readonly told: PaymentEvent[] = [];
  held = 0;

  constructor(public payment: Payment) {
    super();
  }

  async add(): Promise<void> {}

  async update(_id: string, change: (payment: Payment) => PaymentChange) {
    const { next, events, bookings } = change(this.payment);
    this.payment = next;
    this.told.push(...events);
    for (const { account, debit, credit } of bookings.flatMap(({ entries }) => entries)) {
      if (account === 'provider-clearing') this.held += debit - credit;
    }
    return next;
  }

  async updateAll(_ids: readonly string[], change: (payment: Payment) => PaymentChange) {
    return [await this.update('order-1', change)];
  }

  async updateDue(now: Date, _limit: number, change: (payment: Payment) => PaymentChange) {
    const { dueAt } = this.payment.snapshot();
    if (dueAt === undefined) return [];
    this.payment = new Payment({ ...this.payment.snapshot(), dueAt: now });
    return [await this.update('order-1', change)];
  }

  async get(): Promise<Payment> {
    return this.payment;
  }
}

/**
 * `lost`: it acts, and its answer does not arrive. `away`: it does not even hear. `broken`: its client fails. `busy`: it
 * asks not to be called for a while.
 */
type Mood = 'fine' | 'lost' | 'away' | 'broken' | 'busy';

const RETRY_AFTER_MS = 60_000;

/** A provider of moods, with books that keep to the idempotency keys. */
class MoodyProvider extends PaymentProvider {
  mood: Mood = 'fine';
  private readonly charges = new Map<string, ChargeOutcome>();
  private readonly refunds = new Map<string, RefundOutcome>();

  constructor(private readonly declines: boolean) {
    super();
  }

  /** Minor units that it has taken and not given back. */
  get holds(): number {
    const taken = [...this.charges.values()].filter((outcome) => outcome.kind === 'approved').length;
    return (taken - this.refunds.size) * price;
  }

  charge(key: string): Promise<ChargeOutcome> {
    const outcome: ChargeOutcome = this.declines
      ? { kind: 'declined', reason: 'insufficient funds' }
      : { kind: 'approved', chargeId: `ch_${this.charges.size + 1}` };
    return this.answer(() => first(this.charges, key, outcome));
  }

  refund(key: string): Promise<RefundOutcome> {
    return this.answer(() =>
      first(this.refunds, key, { kind: 'refunded', refundId: `re_${this.refunds.size + 1}` }),
    );
  }

  lookup(key: string): Promise<ChargeRecord> {
    return this.answer<ChargeRecord>(() => this.charges.get(key) ?? { kind: 'not-charged' });
  }

  private async answer<Outcome>(act: () => Outcome) {
    if (this.mood === 'broken') throw new Error('the client fails');
    if (this.mood === 'away') return { kind: 'unknown' } as const;
    if (this.mood === 'busy') {
      return { kind: 'unavailable', reason: 'too many requests', retryInMs: RETRY_AFTER_MS } as const;
    }
    const outcome = act();
    return this.mood === 'lost' ? ({ kind: 'unknown' } as const) : outcome;
  }
}

function first<Outcome>(books: Map<string, Outcome>, key: string, outcome: Outcome): Outcome {
  const known = books.get(key) ?? outcome;
  books.set(key, known);
  return known;
}

class FixedClock extends Clock {
  now(): Date {
    return new Date('2026-01-01T10:00:00Z');
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

function world(declines = false, chance = 0.5) {
  const amount = Money.of(price);
  const at = new FixedClock().now();
  const payments = new OnePayment(Payment.request({ id: 'order-1', amount, paymentToken: 'token', at }).next);
  const provider = new MoodyProvider(declines);
  const jobs = new Jobs();
  const clock = new FixedClock();
  const claim = new ClaimDuePayments(payments, provider, clock, 1_000);
  const policy = { maxCharges: 3, backoffMs: () => 100, outageBackoffMs: 40 };
  const settle = new SettlePayment(provider, clock, new FixedRandom(chance), policy);
  const recording = new RecordSettlements(payments, clock, jobs);
  const attempt = async (): Promise<Settlement[]> =>
    Promise.all((await claim.execute(1)).map((one) => settle.execute(one)));
  const record = (settlements: readonly Settlement[]) => recording.execute(settlements);
  const status = () => payments.payment.snapshot().status;
  const waitMs = () => payments.payment.snapshot().dueAt!.getTime() - at.getTime();
  return { payments, provider, jobs, attempt, record, status, waitMs, at };
}

describe('Settling a payment', () => {
  it('repeats a charge whose answer got lost under the same key, so that it is made once', async () => {
    const { payments, provider, record, attempt, status } = world();
    provider.mood = 'lost';
    await record(await attempt());
    expect(status()).toBe('pending');
    provider.mood = 'fine';
    await record(await attempt());
    expect(payments.payment.snapshot()).toMatchObject({ status: 'captured', chargeId: 'ch_1', attempts: 2 });
    expect(provider.holds).toBe(price);
  });

  it('asks before it gives up: three silent charges, one of them made, are a captured payment', async () => {
    const { provider, record, attempt, status } = world();
    for (const mood of ['away', 'lost', 'away'] as const) {
      provider.mood = mood;
      await record(await attempt());
    }
    expect(status()).toBe('pending');
    provider.mood = 'fine';
    await record(await attempt());
    expect(status()).toBe('captured');
  });

  it('goes on asking as long as the provider is away, and never guesses', async () => {
    const { provider, record, attempt, status } = world();
    provider.mood = 'away';
    for (let asked = 0; asked < 20; asked++) await record(await attempt());
    expect(status()).toBe('pending');
    provider.mood = 'fine';
    await record(await attempt());
    expect(status()).toBe('failed');
  });

  it('waits at least as long as the provider asks for, and with jitter beyond that', async () => {
    for (const [chance, jitterMs] of [
      [0, 0],
      [0.5, 20],
    ] as const) {
      const { provider, record, attempt, status, waitMs } = world(false, chance);
      provider.mood = 'busy';
      await record(await attempt());
      expect(status()).toBe('pending');
      expect(waitMs()).toBe(RETRY_AFTER_MS + jitterMs);
    }
  });

  it('waits for a random part of the backoff after an error, so that payments spread out', async () => {
    for (const [mood, chance, ms] of [
      ['away', 0.25, 25],
      ['away', 0.75, 75],
      ['broken', 0.25, 10],
    ] as const) {
      const { provider, record, attempt, waitMs } = world(false, chance);
      provider.mood = mood;
      await record(await attempt());
      expect(waitMs()).toBe(ms);
    }
  });

  it('refunds a charge that crossed a cancellation at once, without waiting for the next look', async () => {
    const { payments, jobs, record, attempt, status, at } = world();
    const answers = await attempt();
    await payments.update('order-1', (payment) => payment.cancel(at));
    expect(jobs.triggered).toEqual([]);
    await record(answers);
    expect([status(), jobs.triggered]).toEqual(['refunding', ['settle-payments']]);
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
        const { payments, provider, record, attempt, status, at } = world(declines);
        const stalled: Settlement[] = [];
        let cancelled = false;
        const wake = async () => record(stalled.splice(0, 1));
        for (const each of steps) {
          if (each.kind === 'cancel') {
            cancelled = true;
            await payments.update('order-1', (payment) => payment.cancel(at));
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

        expect(provider.holds).toBe(payments.held);
        expect(payments.held).toBe(status() === 'captured' ? price : 0);
        if (cancelled) expect(status()).not.toBe('captured');
        expect(['captured', 'declined', 'failed', 'voided', 'refunded']).toContain(status());
        expect(payments.payment.version).toBe(payments.told.length);
      }),
      { numRuns: 1_000 },
    );
  });
});
