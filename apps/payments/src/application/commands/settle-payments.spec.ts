import { Money } from '@atlas/kernel';
import { Clock } from '@atlas/ports/application';
import fc from 'fast-check';
import { bookingOf } from '../../domain/ledger';
import { Payment, type PaymentChange } from '../../domain/payment';
import type { PaymentEvent } from '../../domain/payment-events';
import {
  type ChargeOutcome,
  type ChargeRecord,
  PaymentProvider,
  PaymentRepository,
  type RefundOutcome,
} from '../ports';
import { type Settlement, SettlePayments } from './settle-payments';

const price = 487;

/** One payment, in memory. A claim is free at once again, as if its lease had run out. */
class OnePayment extends PaymentRepository {
  readonly told: PaymentEvent[] = [];
  held = 0;

  constructor(public payment: Payment) {
    super();
  }

  async create(): Promise<void> {}

  async update(_ids: readonly string[], change: (payment: Payment) => PaymentChange) {
    const { next, events } = change(this.payment);
    this.payment = next;
    for (const event of events) {
      this.told.push(event);
      const entry = bookingOf(event)?.entries.find(({ account }) => account === 'provider-clearing');
      this.held += (entry?.debit ?? 0) - (entry?.credit ?? 0);
    }
    return [next];
  }

  async claimDue(): Promise<readonly Payment[]> {
    if (this.payment.nextStep(3) === undefined) return [];
    const state = this.payment.snapshot();
    this.payment = new Payment({ ...state, attempts: state.attempts + 1 });
    return [this.payment];
  }

  async find(): Promise<Payment> {
    return this.payment;
  }
}

/** `lost`: it acts, and its answer does not arrive. `away`: it does not even hear. `broken`: its client fails. */
type Mood = 'fine' | 'lost' | 'away' | 'broken';

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

  private async answer<Outcome>(act: () => Outcome): Promise<Outcome | { readonly kind: 'unknown' }> {
    if (this.mood === 'broken') throw new Error('the client fails');
    if (this.mood === 'away') return { kind: 'unknown' };
    const outcome = act();
    return this.mood === 'lost' ? { kind: 'unknown' } : outcome;
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

function world(declines = false) {
  const amount = Money.of(price);
  const at = new FixedClock().now();
  const payments = new OnePayment(Payment.request({ id: 'order-1', amount, paymentToken: 'token', at }));
  const provider = new MoodyProvider(declines);
  const policy = { leaseMs: 1_000, maxCharges: 3, backoffMs: () => 100 };
  const settle = new SettlePayments(payments, provider, new FixedClock(), policy);
  const attempt = async (): Promise<Settlement[]> =>
    Promise.all((await settle.claim(1)).map((one) => settle.attempt(one)));
  const status = () => payments.payment.snapshot().status;
  return { payments, provider, settle, attempt, status, at };
}

describe('Settling a payment', () => {
  it('repeats a charge whose answer got lost under the same key, so that it is made once', async () => {
    const { payments, provider, settle, attempt, status } = world();
    provider.mood = 'lost';
    await settle.record(await attempt());
    expect(status()).toBe('pending');
    provider.mood = 'fine';
    await settle.record(await attempt());
    expect(payments.payment.snapshot()).toMatchObject({ status: 'captured', chargeId: 'ch_1', attempts: 2 });
    expect(provider.holds).toBe(price);
  });

  it('asks before it gives up: three silent charges, one of them made, are a captured payment', async () => {
    const { provider, settle, attempt, status } = world();
    for (const mood of ['away', 'lost', 'away'] as const) {
      provider.mood = mood;
      await settle.record(await attempt());
    }
    expect(status()).toBe('pending');
    provider.mood = 'fine';
    await settle.record(await attempt());
    expect(status()).toBe('captured');
  });

  it('goes on asking as long as the provider is away, and never guesses', async () => {
    const { provider, settle, attempt, status } = world();
    provider.mood = 'away';
    for (let asked = 0; asked < 20; asked++) await settle.record(await attempt());
    expect(status()).toBe('pending');
    provider.mood = 'fine';
    await settle.record(await attempt());
    expect(status()).toBe('failed');
  });

  it('holds what the provider holds in the end, whatever crashes, gets lost or crosses on the way', async () => {
    const step = fc.oneof(
      fc.record({
        kind: fc.constant('attempt' as const),
        mood: fc.constantFrom<Mood>('fine', 'lost', 'away', 'broken'),
        then: fc.constantFrom('record' as const, 'crash' as const, 'stall' as const),
      }),
      fc.constant({ kind: 'cancel' as const }),
      fc.constant({ kind: 'wake' as const }),
    );
    await fc.assert(
      fc.asyncProperty(fc.boolean(), fc.array(step, { maxLength: 25 }), async (declines, steps) => {
        const { payments, provider, settle, attempt, status, at } = world(declines);
        const stalled: Settlement[] = [];
        let cancelled = false;
        const wake = async () => settle.record(stalled.splice(0, 1));
        for (const each of steps) {
          if (each.kind === 'cancel') {
            cancelled = true;
            await payments.update([], (payment) => payment.cancel(at));
          } else if (each.kind === 'wake') {
            if (stalled.length > 0) await wake();
          } else {
            provider.mood = each.mood;
            const answers = await attempt();
            if (each.then === 'record' && answers.length > 0) await settle.record(answers);
            if (each.then === 'stall') stalled.push(...answers);
          }
        }
        provider.mood = 'fine';
        while (stalled.length > 0) await wake();
        for (let answers = await attempt(); answers.length > 0; answers = await attempt())
          await settle.record(answers);

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
