import { Money } from '@atlas/kernel';
import fc from 'fast-check';
import { bookingOf } from './ledger';
import { Payment, type PaymentChange } from './payment';

const at = new Date('2026-01-01T10:00:00Z');
const request = (): Payment =>
  Payment.request({ id: 'order-1', amount: Money.of(487), paymentToken: 'tok_approve', at });
/** A payment whose first attempt has started. */
const attempted = (): Payment => new Payment({ ...request().snapshot(), attempts: 1 });
const statusOf = (payment: Payment) => payment.snapshot().status;

describe('A payment', () => {
  it('is captured once, whatever the provider tells afterwards', () => {
    const captured = request().captured('ch_1', at);
    expect(captured.events).toEqual([{ type: 'payment-captured', amount: Money.of(487), chargeId: 'ch_1' }]);
    for (const again of [
      captured.next.captured('ch_2', at),
      captured.next.declined('late'),
      captured.next.failed('late'),
    ]) {
      expect(again).toEqual({ next: captured.next, events: [] });
    }
  });

  it('is declined or fails with a reason', () => {
    expect(request().declined('insufficient funds').events).toEqual([
      { type: 'payment-declined', reason: 'insufficient funds' },
    ]);
    expect(request().failed('no answer').events).toEqual([{ type: 'payment-failed', reason: 'no answer' }]);
  });

  it('is voided when its order is cancelled before anything was asked', () => {
    const { next, events } = request().cancel(at);
    expect(statusOf(next)).toBe('voided');
    expect(events).toEqual([]);
  });

  it('is refunded at once when a charge crosses the cancellation', () => {
    const { next: pending } = attempted().cancel(at);
    expect(statusOf(pending)).toBe('pending');
    const { next, events } = pending.captured('ch_1', at);
    expect(events.map((event) => event.type)).toEqual(['payment-captured']);
    expect(statusOf(next)).toBe('refunding');
    expect(next.refunded('re_1').events).toEqual([
      { type: 'payment-refunded', amount: Money.of(487), refundId: 're_1' },
    ]);
  });

  it('gives the money back when a captured order is cancelled', () => {
    const { next } = request().captured('ch_1', at).next.cancel(at);
    expect(next.snapshot()).toMatchObject({ status: 'refunding', dueAt: at, attempts: 0 });
  });

  it('numbers what it tells 1, 2, 3 … and keeps the books balanced, whatever happens in whatever order', () => {
    const news = fc.constantFrom<(payment: Payment) => PaymentChange>(
      (payment) => payment.captured('ch_1', at),
      (payment) => payment.declined('no'),
      (payment) => payment.failed('no'),
      (payment) => payment.voided(),
      (payment) => payment.refunded('re_1'),
      (payment) => payment.postponed(at),
      (payment) => payment.cancel(at),
    );
    fc.assert(
      fc.property(fc.boolean(), fc.array(news, { maxLength: 15 }), (started, all) => {
        let payment = started ? attempted() : request();
        const told: string[] = [];
        const balances = new Map<string, number>();
        for (const change of all) {
          const { next, events } = change(payment);
          payment = next;
          for (const event of events) {
            told.push(event.type);
            for (const { account, debit, credit } of bookingOf(event)?.entries ?? []) {
              balances.set(account, (balances.get(account) ?? 0) + debit - credit);
            }
          }
          expect(payment.version).toBe(told.length);
          expect([...balances.values()].reduce((sum, balance) => sum + balance, 0)).toBe(0);
        }
        expect(new Set(told).size).toBe(told.length);
        const held = ['captured', 'refunding'].includes(statusOf(payment)) ? 487 : 0;
        expect(balances.get('provider-clearing') ?? 0).toBe(held);
      }),
    );
  });
});
