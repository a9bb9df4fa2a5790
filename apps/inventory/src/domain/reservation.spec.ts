import fc from 'fast-check';
import { Reservation, type ReservationChange, type ReservationStatus } from './reservation';
import { ReservationLine } from './reservation-line';
import { Stock } from './stock';
import { StockItem } from './stock-item';

const at = new Date('2026-01-01T10:00:00Z');
const later = new Date('2026-01-01T10:00:05Z');
const expiresAt = new Date('2026-01-01T11:00:00Z');
const stocked = (levels: Record<string, number>): Stock =>
  Stock.of(Object.entries(levels).map(([sku, available]) => new StockItem(sku).setAvailable(available)));
const milk = new ReservationLine('whole-milk', 2);
const bread = new ReservationLine('brown-bread', 1);
const request = (lines: readonly ReservationLine[], stock: Stock) =>
  Reservation.request({ id: 'order-1', lines, at, expiresAt }, stock);
const levelsOf = (stock: Stock, sku: string) => {
  const { available, reserved, sold } = stock.item(sku).levels;
  return { available, reserved, sold };
};

describe('A reservation', () => {
  const shelf = stocked({ 'whole-milk': 5, 'brown-bread': 1 });

  it('reserves all lines of an order', () => {
    const { next, events, moved } = request([milk, bread], shelf);
    expect(events).toEqual([{ type: 'stock-reserved', lines: [milk, bread] }]);
    expect(next.snapshot()).toMatchObject({ id: 'order-1', status: 'reserved', version: 1, requestedAt: at });
    const stock = shelf.with(moved);
    expect(levelsOf(stock, 'whole-milk')).toEqual({ available: 3, reserved: 2, sold: 0 });
    expect(levelsOf(stock, 'brown-bread')).toEqual({ available: 0, reserved: 1, sold: 0 });
  });

  it('is rejected as a whole if a line is short, and names every short line', () => {
    const { next, events, moved } = request(
      [milk, new ReservationLine('brown-bread', 2), new ReservationLine('caviar', 1)],
      shelf,
    );
    const shortages = [
      { sku: 'brown-bread', requested: 2, available: 1 },
      { sku: 'caviar', requested: 1, available: 0 },
    ];
    expect(events).toEqual([{ type: 'stock-rejected', shortages }]);
    expect(next.snapshot()).toMatchObject({ status: 'rejected', shortages, version: 1 });
    expect(moved).toEqual([]);
  });

  it('has 1 to 1000 lines, one line per SKU, and 1 to 10,000 units per line', () => {
    const lines = (count: number) =>
      Array.from({ length: count }, (_, index) => new ReservationLine(`sku-${index}`, 1));
    expect(() => request([], shelf)).toThrow('1 to 1000 lines, not 0');
    expect(request(lines(1_000), shelf).next.snapshot().lines).toHaveLength(1_000);
    expect(() => request(lines(1_001), shelf)).toThrow('1 to 1000 lines, not 1001');
    expect(() => request([milk, milk], shelf)).toThrow('one line for each SKU');
    for (const quantity of [0, -1, 10_001, 0.5, NaN]) {
      expect(() => new ReservationLine('whole-milk', quantity)).toThrow('whole number from 1 to 10000');
    }
    expect(new ReservationLine('whole-milk', 10_000).quantity).toBe(10_000);
  });

  it('sells its stock when the order is confirmed', () => {
    const reserved = request([milk, bread], shelf);
    const stock = shelf.with(reserved.moved);
    const { next, events, moved } = reserved.next.commit(stock, later);
    expect(events).toEqual([{ type: 'stock-committed', lines: [milk, bread] }]);
    expect(next.snapshot()).toMatchObject({ status: 'committed', version: 2, changedAt: later });
    expect(levelsOf(stock.with(moved), 'whole-milk')).toEqual({ available: 3, reserved: 0, sold: 2 });
  });

  it('releases its stock when the order is cancelled', () => {
    const reserved = request([milk, bread], shelf);
    const { events, moved } = reserved.next.release(shelf.with(reserved.moved), later);
    expect(events).toEqual([{ type: 'stock-released', lines: [milk, bread] }]);
    expect(moved).toEqual([shelf.item('whole-milk'), shelf.item('brown-bread')]);
  });

  it('returns sold stock when the order is cancelled later', () => {
    const reserved = request([milk], shelf);
    const committed = reserved.next.commit(shelf.with(reserved.moved), later);
    const { next, moved } = committed.next.release(shelf.with(committed.moved), later);
    expect(next.snapshot()).toMatchObject({ status: 'released', version: 3 });
    expect(moved).toEqual([shelf.item('whole-milk')]);
  });

  it('releases its stock when it expires, and not before', () => {
    const reserved = request([milk, bread], shelf);
    const stock = shelf.with(reserved.moved);
    expect(reserved.next.expire(stock, later)).toEqual({ next: reserved.next, events: [], moved: [] });
    const { next, events, moved } = reserved.next.expire(stock, expiresAt);
    expect(events).toEqual([{ type: 'stock-released', lines: [milk, bread] }]);
    expect(next.snapshot()).toMatchObject({ status: 'expired', version: 2 });
    expect(moved).toEqual([shelf.item('whole-milk'), shelf.item('brown-bread')]);
  });

  it('sells available stock if it expired before the confirmation arrived', () => {
    const reserved = request([milk], shelf);
    const expired = reserved.next.expire(shelf.with(reserved.moved), expiresAt).next;
    const { next, events, moved } = expired.commit(shelf, expiresAt);
    expect(events).toEqual([{ type: 'stock-committed', lines: [milk] }]);
    expect(next.snapshot()).toMatchObject({ status: 'committed', version: 3 });
    expect(levelsOf(shelf.with(moved), 'whole-milk')).toEqual({ available: 3, reserved: 0, sold: 2 });
  });

  it('is rejected if it expired and its stock was sold before the confirmation arrived', () => {
    const reserved = request([milk], shelf);
    const expired = reserved.next.expire(shelf.with(reserved.moved), expiresAt).next;
    const { next, events, moved } = expired.commit(stocked({ 'whole-milk': 1 }), expiresAt);
    const shortages = [{ sku: 'whole-milk', requested: 2, available: 1 }];
    expect(events).toEqual([{ type: 'stock-rejected', shortages }]);
    expect(next.snapshot()).toMatchObject({ status: 'rejected', shortages, version: 3 });
    expect(moved).toEqual([]);
  });

  it('ignores late and duplicate events', () => {
    const rejected = request([new ReservationLine('caviar', 1)], shelf).next;
    const reserved = request([milk], shelf);
    const stock = shelf.with(reserved.moved);
    const committed = reserved.next.commit(stock, later);
    const released = reserved.next.release(stock, later);
    const expired = reserved.next.expire(stock, expiresAt);
    for (const [reservation, change] of [
      [rejected, rejected.commit(shelf, later)],
      [rejected, rejected.release(shelf, later)],
      [committed.next, committed.next.commit(stock.with(committed.moved), later)],
      [released.next, released.next.commit(stock.with(released.moved), later)],
      [released.next, released.next.release(stock.with(released.moved), later)],
      [committed.next, committed.next.expire(stock.with(committed.moved), expiresAt)],
      [released.next, released.next.expire(stock.with(released.moved), expiresAt)],
      [expired.next, expired.next.expire(stock.with(expired.moved), expiresAt)],
      [expired.next, expired.next.release(stock.with(expired.moved), expiresAt)],
    ] as const) {
      expect(change).toEqual({ next: reservation, events: [], moved: [] });
    }
  });
});

describe('The stock', () => {
  it('sets the available count and reports the difference, leaving reserved and sold units unchanged', () => {
    const shelf = stocked({ 'whole-milk': 5, 'brown-bread': 1 });
    const stock = shelf.with(request([milk], shelf).moved);
    const { next, events } = stock.setAvailable([
      { sku: 'whole-milk', available: 10 },
      { sku: 'brown-bread', available: 0 },
      { sku: 'caviar', available: 0 },
    ]);
    expect(next.item('whole-milk').levels).toEqual({ received: 12, available: 10, reserved: 2, sold: 0 });
    expect(events).toEqual([
      {
        type: 'stock-received',
        received: [
          { sku: 'whole-milk', quantity: 7 },
          { sku: 'brown-bread', quantity: -1 },
        ],
      },
    ]);
    expect(next.setAvailable([{ sku: 'whole-milk', available: 10 }])).toEqual({ next, events: [] });
  });

  it('moves no more than exists, and never creates or loses a unit', () => {
    const item = new StockItem('whole-milk').setAvailable(3).reserve(2);
    for (const tooMany of [
      () => item.reserve(2),
      () => item.commit(3),
      () => item.release(3),
      () => item.restock(1),
      () => item.setAvailable(-1),
      () => item.setAvailable(0.5),
    ]) {
      expect(tooMany).toThrow('must be whole numbers from 0');
    }
    expect(() => new StockItem('whole-milk', { received: 4, available: 1, reserved: 2, sold: 0 })).toThrow(
      "don't add up",
    );
  });

  const SKUS = ['a', 'b', 'c'];
  const sku = fc.constantFrom(...SKUS);
  const order = fc.integer({ min: 0, max: 5 }).map((number) => `order-${number}`);
  const lines = fc
    .uniqueArray(fc.record({ sku, quantity: fc.integer({ min: 1, max: 4 }) }), {
      selector: (line) => line.sku,
      minLength: 1,
    })
    .map((all) => all.map((line) => new ReservationLine(line.sku, line.quantity)));
  const happening = fc.oneof(
    fc.record({ what: fc.constant('set' as const), sku, available: fc.integer({ min: 0, max: 6 }) }),
    fc.record({ what: fc.constant('placed' as const), order, lines }),
    fc.record({ what: fc.constant('confirmed' as const), order }),
    fc.record({ what: fc.constant('cancelled' as const), order }),
    fc.record({ what: fc.constant('expired' as const), order }),
  );

  it('matches the reservations after any sequence of counts, orders, confirmations, cancellations and expirations', () => {
    fc.assert(
      fc.property(fc.array(happening, { maxLength: 60 }), (all) => {
        let stock = Stock.of([]);
        const received = new Map(SKUS.map((code) => [code, 0]));
        const reservations = new Map<string, Reservation>();
        const told = new Map<string, string[]>();
        const take = ({ next, events, moved }: ReservationChange) => {
          stock = stock.with(moved);
          reservations.set(next.id, next);
          told.set(next.id, [...(told.get(next.id) ?? []), ...events.map((event) => event.type)]);
          expect(next.version).toBe(told.get(next.id)!.length);
        };
        for (const step of all) {
          if (step.what === 'set') {
            const counted = stock.setAvailable([step]);
            stock = counted.next;
            for (const event of counted.events) {
              for (const { sku: code, quantity } of event.received) {
                received.set(code, received.get(code)! + quantity);
              }
            }
            continue;
          }
          const existing = reservations.get(step.order);
          if (step.what === 'placed') {
            if (!existing)
              take(Reservation.request({ id: step.order, lines: step.lines, at, expiresAt }, stock));
          } else if (existing) {
            take(
              step.what === 'confirmed'
                ? existing.commit(stock, later)
                : step.what === 'cancelled'
                  ? existing.release(stock, later)
                  : existing.expire(stock, expiresAt),
            );
          }
        }
        const sum = (code: string, status: ReservationStatus) =>
          [...reservations.values()]
            .filter((reservation) => reservation.snapshot().status === status)
            .flatMap((reservation) => reservation.snapshot().lines)
            .filter((line) => line.sku === code)
            .reduce((total, line) => total + line.quantity, 0);
        for (const code of SKUS) {
          const { levels } = stock.item(code);
          expect(levels.received).toBe(received.get(code));
          expect(levels.reserved).toBe(sum(code, 'reserved'));
          expect(levels.sold).toBe(sum(code, 'committed'));
          expect(levels.available).toBe(levels.received - levels.reserved - levels.sold);
          expect(levels.available).toBeGreaterThanOrEqual(0);
        }
        for (const types of told.values()) {
          expect([
            ['stock-rejected'],
            ['stock-reserved'],
            ['stock-reserved', 'stock-committed'],
            ['stock-reserved', 'stock-released'],
            ['stock-reserved', 'stock-committed', 'stock-released'],
            ['stock-reserved', 'stock-released', 'stock-committed'],
            ['stock-reserved', 'stock-released', 'stock-rejected'],
            ['stock-reserved', 'stock-released', 'stock-committed', 'stock-released'],
          ]).toContainEqual(types);
        }
      }),
    );
  });
});
