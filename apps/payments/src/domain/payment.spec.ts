import { Money } from '@atlas/kernel';
import fc from 'fast-check';
import { Payment, type PaymentChange } from './payment';

const at = new Date('2026-01-01T10:00:00Z');
const later = new Date('2026-01-01T10:00:05Z');
const amount = Money.of(487);
const LEASE_MS = 15_000;
const after = (ms: number, from = at) => new Date(from.getTime() + ms);
const request = (): Payment =>
  Payment.request({ id: 'order-1', amount, paymentToken: 'tok_approve', at }).next;
/** The payment as a worker claims it once it is due: one more attempt has started. */
const claimed = (payment: Payment): Payment => payment.claim(payment.snapshot().dueAt ?? at, LEASE_MS).next;
const captured = (): Payment => claimed(request()).charged('ch_1', at).next;
const statusOf = (payment: Payment) => payment.snapshot().status;
const dueAtOf = (payment: Payment) => payment.snapshot().dueAt;

describe('A payment', () => {
  it('is captured once, whatever the provider tells afterwards', () => {
    const { next, events, bookings } = claimed(request()).charged('ch_1', later);
    expect(events).toEqual([{ type: 'payment-captured', amount, chargeId: 'ch_1' }]);
    expect(next.snapshot()).toMatchObject({ status: 'captured', version: 1, changedAt: later });
    expect(bookings.map(({ kind }) => kind)).toEqual(['capture']);
    expect(dueAtOf(next)).toBeUndefined();
    for (const again of [
      next.charged('ch_1', later),
      next.chargeDeclined('late', later),
      next.nothingCharged(1, later),
      next.unanswered(1, later, 100),
      next.claim(after(60_000), LEASE_MS),
    ]) {
      expect(again).toEqual({ next, events: [], bookings: [] });
    }
  });

  it('books what it captures and what it refunds, between the provider and our sales', () => {
    const { bookings } = claimed(request()).charged('ch_1', at);
    expect(bookings).toEqual([
      {
        kind: 'capture',
        entries: [
          { account: 'provider-clearing', debit: 487, credit: 0, currency: 'EUR' },
          { account: 'sales', debit: 0, credit: 487, currency: 'EUR' },
        ],
      },
    ]);
    expect(captured().refunded('re_1', at).bookings).toEqual([
      {
        kind: 'refund',
        entries: [
          { account: 'sales', debit: 487, credit: 0, currency: 'EUR' },
          { account: 'provider-clearing', debit: 0, credit: 487, currency: 'EUR' },
        ],
      },
    ]);
  });

  it('is declined, or fails when the provider has charged nothing, and says why', () => {
    const pending = claimed(request());
    const [declined, failed] = [
      pending.chargeDeclined('insufficient funds', at),
      pending.nothingCharged(1, at),
    ];
    expect(declined.events).toEqual([{ type: 'payment-declined', reason: 'insufficient funds' }]);
    expect(declined.next.snapshot()).toMatchObject({ status: 'declined', reason: 'insufficient funds' });
    const reason = 'the payment provider gave no answer, and has charged nothing';
    expect(failed.events).toEqual([{ type: 'payment-failed', reason }]);
    expect(failed.next.snapshot()).toMatchObject({ status: 'failed', reason });
  });

  it('is charged as often as allowed while nobody answers, then only asked about', () => {
    const once = claimed(request()).unanswered(1, later, 70);
    expect([once.next.nextStep(2), dueAtOf(once.next)]).toEqual(['charge', after(70, later)]);
    const twice = claimed(once.next).unanswered(2, later, 70);
    expect([twice.next.nextStep(2), twice.next.snapshot().unansweredCharges]).toEqual(['ask', 2]);
  });

  it('is charged on after an outage of the provider, however often it was tried meanwhile', () => {
    let payment = request();
    for (let attempt = 1; attempt <= 50; attempt++) {
      const { next, events } = claimed(payment).postponed(attempt, later, 70);
      expect([events, dueAtOf(next)]).toEqual([[], after(70, later)]);
      payment = next;
    }
    expect(payment.nextStep(3)).toBe('charge');
  });

  it('is claimed for one attempt at a time, and again once the claim has ended', () => {
    const payment = request();
    const first = payment.claim(later, LEASE_MS);
    expect(first.next.snapshot()).toMatchObject({ attempts: 1, dueAt: after(LEASE_MS, later) });
    expect(first.next.claim(after(LEASE_MS - 1, later), LEASE_MS)).toEqual(first.next.unchanged());
    const second = first.next.claim(after(LEASE_MS, later), LEASE_MS);
    expect(second.next.snapshot()).toMatchObject({ attempts: 2, dueAt: after(2 * LEASE_MS, later) });
    expect(payment.claim(new Date(at.getTime() - 1), LEASE_MS)).toEqual(payment.unchanged());
  });

  it('is refunded, too, when the provider has given the money back of itself', () => {
    const { next, events } = captured().refunded('re_1', later);
    expect(events).toEqual([{ type: 'payment-refunded', amount, refundId: 're_1' }]);
    expect(next.snapshot()).toMatchObject({ status: 'refunded', version: 2 });
  });

  it('is not moved by the answer to an attempt that another has overtaken, unless it was a charge', () => {
    const second = claimed(claimed(request()));
    expect(second.unanswered(1, later, 70)).toEqual(second.unchanged());
    expect(second.nothingCharged(1, at)).toEqual(second.unchanged());
    expect(statusOf(second.charged('ch_1', at).next)).toBe('captured');
  });

  it('is voided when its order is cancelled before the provider was asked', () => {
    const { next, events } = request().cancel(later);
    expect(next.snapshot()).toMatchObject({ status: 'voided', version: 0 });
    expect(events).toEqual([]);
    expect(next.nextStep(3)).toBeUndefined();
  });

  it('is only asked about once its order is cancelled, and voided if nothing was charged', () => {
    const pending = claimed(request()).cancel(later).next;
    expect(statusOf(pending)).toBe('pending');
    expect(pending.nextStep(3)).toBe('ask');
    const { next, events } = pending.nothingCharged(1, later);
    expect([statusOf(next), events]).toEqual(['voided', []]);
  });

  it('is refunded at once when a charge crosses the cancellation', () => {
    const { next, events } = claimed(request()).cancel(at).next.charged('ch_1', later);
    expect(events.map((event) => event.type)).toEqual(['payment-captured']);
    expect([statusOf(next), next.nextStep(3), dueAtOf(next)]).toEqual(['refunding', 'refund', later]);
    const refunded = next.refunded('re_1', later);
    expect(refunded.events).toEqual([{ type: 'payment-refunded', amount, refundId: 're_1' }]);
    expect(refunded.next.version).toBe(2);
  });

  it('that was given up is told and refunded, should a charge come to light after all', () => {
    for (const given of [
      claimed(request()).nothingCharged(1, at).next,
      claimed(request()).cancel(at).next.nothingCharged(1, at).next,
    ]) {
      const { next, events } = given.charged('ch_late', later);
      expect(events.map((event) => event.type)).toEqual(['payment-captured']);
      expect(statusOf(next)).toBe('refunding');
      expect(next.version).toBe(given.version + 1);
    }
  });

  it('is given back when the order is cancelled, and stays due as long as the provider refuses', () => {
    const { next } = captured().cancel(later);
    expect([statusOf(next), dueAtOf(next)]).toEqual(['refunding', later]);
    const refused = claimed(next).refundDeclined(2, 'account locked', later, 500);
    expect(refused.next.snapshot()).toMatchObject({ status: 'refunding', reason: 'account locked' });
    expect(dueAtOf(refused.next)).toEqual(after(500, later));
    expect(refused.next.refunded('re_1', later).next.snapshot().reason).toBeUndefined();
    const postponed = claimed(next).postponed(2, later, 500);
    expect([statusOf(postponed.next), dueAtOf(postponed.next)]).toEqual(['refunding', after(500, later)]);
  });

  it('can be nothing, but not less', () => {
    const of = (minorUnits: number) =>
      Payment.request({ id: 'order-1', amount: Money.of(minorUnits), paymentToken: 'tok_approve', at }).next;
    expect(statusOf(of(0))).toBe('pending');
    expect(() => of(-1)).toThrow("can't be negative");
  });

  it('numbers what it tells 1, 2, 3 … and keeps the books balanced, whatever happens in whatever order', () => {
    const attempt = fc.integer({ min: 1, max: 4 });
    const news = fc.oneof<fc.Arbitrary<(payment: Payment) => PaymentChange>[]>(
      fc.constant((payment) => payment.claim(payment.snapshot().dueAt ?? at, LEASE_MS)),
      fc.constant((payment) => payment.charged('ch_1', at)),
      fc.constant((payment) => payment.chargeDeclined('no', at)),
      fc.constant((payment) => payment.refunded('re_1', at)),
      fc.constant((payment) => payment.cancel(at)),
      fc.constant((payment) => payment.refund(at)),
      attempt.map((number) => (payment) => payment.nothingCharged(number, at)),
      attempt.map((number) => (payment) => payment.refundDeclined(number, 'no', at, 1)),
      attempt.map((number) => (payment) => payment.unanswered(number, at, 1)),
      attempt.map((number) => (payment) => payment.postponed(number, at, 1)),
    );
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 10_000_000 }),
        fc.array(news, { maxLength: 20 }),
        (price, all) => {
          let payment = Payment.request({ id: 'o', amount: Money.of(price), paymentToken: 't', at }).next;
          const told: string[] = [];
          const balances = new Map<string, number>();
          for (const change of all) {
            const { next, events, bookings } = change(payment);
            payment = next;
            told.push(...events.map(({ type }) => type));
            for (const { account, debit, credit } of bookings.flatMap(({ entries }) => entries)) {
              balances.set(account, (balances.get(account) ?? 0) + debit - credit);
            }
            const isOpen = ['pending', 'refunding'].includes(statusOf(payment));
            expect(dueAtOf(payment) !== undefined).toBe(isOpen);
            expect(payment.nextStep(3) !== undefined).toBe(isOpen);
            expect(payment.version).toBe(told.length);
            expect([...balances.values()].reduce((sum, balance) => sum + balance, 0)).toBe(0);
          }
          expect(new Set(told).size).toBe(told.length);
          const held = ['captured', 'refunding'].includes(statusOf(payment)) ? price : 0;
          expect(balances.get('provider-clearing') ?? 0).toBe(held);
        },
      ),
    );
  });
});
