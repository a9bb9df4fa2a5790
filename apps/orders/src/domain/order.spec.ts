import { Money } from '@atlas/kernel';
import fc from 'fast-check';
import { Order, type OrderChange } from './order';
import { OrderLine } from './order-line';

const at = new Date('2026-01-01T10:00:00Z');
const dueAt = new Date('2026-01-01T10:15:00Z');
const milk = new OrderLine('whole-milk', 2, Money.of(119));
const bread = new OrderLine('brown-bread', 1, Money.of(249));

const placeOrder = (lines = [milk, bread]): OrderChange =>
  Order.place({ id: 'order-1', customerId: 'ada', lines, paymentToken: 'tok_approve', at, dueAt });

const statusOf = (order: Order) => order.snapshot().status;

describe('An order', () => {
  it('is placed at the total of its lines', () => {
    const { next, events } = placeOrder();
    expect(next.snapshot().total).toEqual(Money.of(487));
    expect(events).toEqual([
      { type: 'order-placed', customerId: 'ada', lines: [milk, bread], total: Money.of(487) },
    ]);
    expect(next.snapshot()).toMatchObject({ version: 1, status: 'placed', dueAt });
  });

  it('has 1 to 1000 lines, and one line per SKU', () => {
    const lines = (count: number) =>
      Array.from({ length: count }, (_, index) => new OrderLine(`sku-${index}`, 1, Money.of(1)));
    expect(() => placeOrder([])).toThrow('1 to 1000 lines, not 0');
    expect(placeOrder(lines(1_000)).next.snapshot().total).toEqual(Money.of(1_000));
    expect(() => placeOrder(lines(1_001))).toThrow('1 to 1000 lines, not 1001');
    expect(() => placeOrder([milk, milk])).toThrow('one line for each SKU');
  });

  it('has lines of 1 to 10,000 whole units', () => {
    for (const quantity of [0, -1, 10_001, 0.5, NaN]) {
      expect(() => new OrderLine('milk', quantity, Money.of(119))).toThrow('whole number from 1 to 10000');
    }
    for (const quantity of [1, 10_000]) {
      expect(new OrderLine('milk', quantity, Money.of(119)).total).toEqual(Money.of(119 * quantity));
    }
  });

  it('remembers when it had which status, and when it was placed and first settled', () => {
    const [placedAt, reservedAt, paidAt, cancelledAt] = [10, 11, 12, 13].map(
      (minute) => new Date(Date.UTC(2026, 0, 1, 10, minute)),
    ) as [Date, Date, Date, Date];
    const placed = Order.place({
      ...{ id: 'order-1', customerId: 'ada', lines: [milk], paymentToken: 'tok_approve' },
      ...{ at: placedAt, dueAt },
    }).next;
    const waiting = placed.stockReserved(reservedAt).next;
    const confirmed = waiting.paymentCaptured(paidAt).next;
    const cancelled = confirmed.cancel(cancelledAt).next;
    expect(cancelled.snapshot().history).toEqual([
      { status: 'placed', at: placedAt },
      { status: 'awaiting-payment', at: reservedAt },
      { status: 'confirmed', at: paidAt },
      { status: 'cancelled', at: cancelledAt },
    ]);
    expect(cancelled.placedAt).toEqual(placedAt);
    expect([placed, waiting, confirmed, cancelled].map(({ settledAt }) => settledAt)).toEqual([
      undefined,
      undefined,
      paidAt,
      paidAt,
    ]);
    expect(waiting.cancel(cancelledAt).next.settledAt).toEqual(cancelledAt);
  });

  it('is due until it is settled, and then says why it was cancelled', () => {
    const waiting = placeOrder().next.stockReserved(at).next;
    expect(waiting.snapshot()).toMatchObject({ dueAt, reason: undefined });
    expect(waiting.paymentCaptured(at).next.snapshot().dueAt).toBeUndefined();
    expect(waiting.paymentRefused('payment-failed', at).next.snapshot()).toMatchObject({
      dueAt: undefined,
      reason: 'payment-failed',
    });
  });

  it('requests payment once its stock is reserved, and is confirmed once that is captured', () => {
    const reserved = placeOrder().next.stockReserved(at);
    expect(reserved.events).toEqual([
      { type: 'payment-due', amount: Money.of(487), paymentToken: 'tok_approve' },
    ]);
    const confirmed = reserved.next.paymentCaptured(at);
    expect(confirmed.events).toEqual([
      { type: 'order-confirmed', lines: [milk, bread], total: Money.of(487) },
    ]);
    expect(confirmed.next.settledAt).toEqual(at);
  });

  it('is cancelled when it is sold out, and when its payment is refused', () => {
    expect(placeOrder().next.stockRejected(at).events).toEqual([
      { type: 'order-cancelled', reason: 'out-of-stock' },
    ]);
    const waiting = placeOrder().next.stockReserved(at).next;
    expect(waiting.paymentRefused('payment-declined', at).events).toEqual([
      { type: 'order-cancelled', reason: 'payment-declined' },
    ]);
  });

  it('can be cancelled by its customer once, even after it was confirmed', () => {
    const confirmed = placeOrder().next.stockReserved(at).next.paymentCaptured(at).next;
    const cancelled = confirmed.cancel(at);
    expect(cancelled.events).toEqual([{ type: 'order-cancelled', reason: 'customer-request' }]);
    expect(cancelled.next.cancel(at)).toEqual({ next: cancelled.next, events: [] });
  });

  it('expires when it is due, unless it is settled', () => {
    const placed = placeOrder().next;
    const waiting = placed.stockReserved(at).next;
    const confirmed = waiting.paymentCaptured(at).next;

    for (const open of [placed, waiting]) {
      expect(open.expire(at)).toEqual({ next: open, events: [] });
      expect(open.expire(dueAt).events).toEqual([{ type: 'order-cancelled', reason: 'expired' }]);
    }
    expect(confirmed.expire(dueAt)).toEqual({ next: confirmed, events: [] });
  });

  it('expires when its stock is released while it awaits payment', () => {
    const waiting = placeOrder().next.stockReserved(at).next;
    const confirmed = waiting.paymentCaptured(at).next;

    expect(waiting.stockReleased(at).events).toEqual([{ type: 'order-cancelled', reason: 'expired' }]);
    expect(confirmed.stockReleased(at)).toEqual({ next: confirmed, events: [] });
  });

  it('is cancelled even after confirmation if inventory no longer has its stock', () => {
    const confirmed = placeOrder().next.stockReserved(at).next.paymentCaptured(at).next;

    expect(confirmed.stockRejected(at).events).toEqual([{ type: 'order-cancelled', reason: 'out-of-stock' }]);
  });

  it('ignores events that crossed its cancellation', () => {
    const cancelled = placeOrder().next.cancel(at).next;
    for (const late of [
      cancelled.stockReserved(at),
      cancelled.stockRejected(at),
      cancelled.stockReleased(at),
      cancelled.expire(dueAt),
      cancelled.paymentCaptured(at),
      cancelled.paymentRefused('payment-failed', at),
    ]) {
      expect(late).toEqual({ next: cancelled, events: [] });
    }
  });

  it('reports every change once and in order, whatever events arrive in whatever order', () => {
    const news = fc.constantFrom<(order: Order) => OrderChange>(
      (order) => order.stockReserved(at),
      (order) => order.stockRejected(at),
      (order) => order.stockReleased(at),
      (order) => order.expire(dueAt),
      (order) => order.paymentCaptured(at),
      (order) => order.paymentRefused('payment-declined', at),
      (order) => order.cancel(at),
    );
    fc.assert(
      fc.property(fc.array(news, { maxLength: 12 }), (all) => {
        let order = placeOrder().next;
        const told: string[] = ['order-placed'];
        for (const change of all) {
          const before = order;
          const changed = change(before);
          order = changed.next;
          told.push(...changed.events.map((event) => event.type));
          expect(changed.events.length > 0).toBe(statusOf(order) !== statusOf(before));
          expect(order.version).toBe(told.length);
        }
        expect(['order-placed', 'payment-due', 'order-confirmed', 'order-cancelled']).toEqual(
          expect.arrayContaining(told),
        );
        expect(new Set(told).size).toBe(told.length);
        expect(order.snapshot().history).toHaveLength(told.length);
      }),
    );
  });
});
