import { MemoryContext } from '@atlas/testing';
import { MemoryReservationRepository } from '../../adapters/driven/memory/reservations.repository';
import { MemoryStockRepository } from '../../adapters/driven/memory/stock.repository';
import { ReserveStock } from './reserve-stock';
import { SetStock } from './set-stock';

const HOUR_MS = 60 * 60_000;

describe('ReserveStock', () => {
  let first: string;
  let second: string;
  let context: MemoryContext;
  let stock: MemoryStockRepository;
  let reservations: MemoryReservationRepository;
  let reserveStock: ReserveStock;

  beforeEach(async () => {
    context = new MemoryContext();
    [first, second] = [context.ids.next(), context.ids.next()];
    stock = new MemoryStockRepository(context.unitOfWork, context.outbox);
    reservations = new MemoryReservationRepository(context.unitOfWork, stock, context.outbox);
    reserveStock = new ReserveStock(reservations, context.clock, HOUR_MS);
    await new SetStock(stock).execute([
      { sku: 'tea', available: 5 },
      { sku: 'cake', available: 1 },
    ]);
  });

  const reserve = async (orderId: string, lines: Readonly<Record<string, number>>) => {
    await reserveStock.execute({
      orderId,
      lines: Object.entries(lines).map(([sku, quantity]) => ({ sku, quantity })),
    });
    return (await reservations.get(orderId))?.snapshot();
  };
  const available = async (sku: string) => (await stock.get(sku))?.levels.available;

  it('reserves all lines for a limited time', async () => {
    expect(await reserve(first, { tea: 2, cake: 1 })).toMatchObject({
      status: 'reserved',
      expiresAt: new Date(context.clock.now().getTime() + HOUR_MS),
    });
    expect([await available('tea'), await available('cake')]).toEqual([3, 0]);
    expect(context.told(first)).toEqual(['inventory.stock-reserved 1']);
  });

  it('reserves nothing if one line is short', async () => {
    expect(await reserve(first, { tea: 2, cake: 2, unicorn: 1 })).toMatchObject({
      status: 'rejected',
      shortages: [
        { sku: 'cake', requested: 2, available: 1 },
        { sku: 'unicorn', requested: 1, available: 0 },
      ],
    });
    expect([await available('tea'), await available('cake')]).toEqual([5, 1]);
    expect(context.told(first)).toEqual(['inventory.stock-rejected 1']);
  });

  it('keeps an existing reservation of the order, whatever it requests', async () => {
    const reserved = await reserve(first, { tea: 2 });
    expect(await reserve(first, { tea: 4 })).toEqual(reserved);
    expect(await available('tea')).toBe(3);
    expect(context.told(first)).toHaveLength(1);
  });

  it('gives the last unit to only one of two orders', async () => {
    const outcomes = await Promise.all([reserve(first, { cake: 1 }), reserve(second, { cake: 1 })]);
    expect(outcomes.map((reservation) => reservation?.status).sort()).toEqual(['rejected', 'reserved']);
    expect(await available('cake')).toBe(0);
  });
});
