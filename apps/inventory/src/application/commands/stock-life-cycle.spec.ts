import { MemoryContext } from '@atlas/testing';
import { MemoryReservationRepository } from '../../adapters/driven/memory/reservations.repository';
import { MemoryStockRepository } from '../../adapters/driven/memory/stock.repository';
import { GetReservation } from '../queries/get-reservation';
import { GetStockItem } from '../queries/get-stock-item';
import { ListStock } from '../queries/list-stock';
import { CommitStock } from './commit-stock';
import { ExpireReservations } from './expire-reservations';
import { RecordProductListed } from './record-product-listed';
import { ReleaseStock } from './release-stock';
import { ReserveStock } from './reserve-stock';
import { SetStock } from './set-stock';

const HOUR_MS = 60 * 60_000;

/** Inventory with 5 units of tea. */
async function world() {
  const context = new MemoryContext();
  const { clock } = context;
  const stock = new MemoryStockRepository(context.unitOfWork, context.outbox);
  const reservations = new MemoryReservationRepository(context.unitOfWork, stock, context.outbox);
  const reserveStock = new ReserveStock(reservations, clock, HOUR_MS);
  const setStock = new SetStock(stock);
  await setStock.execute([{ sku: 'tea', available: 5 }]);
  const getReservation = new GetReservation(reservations);
  const getStockItem = new GetStockItem(stock);
  return {
    clock,
    setStock,
    recordListed: new RecordProductListed(stock),
    newId: () => context.ids.next(),
    reserve: async (quantity: number) => {
      const orderId = context.ids.next();
      await reserveStock.execute({ orderId, lines: [{ sku: 'tea', quantity }] });
      return orderId;
    },
    commit: new CommitStock(reservations, clock),
    release: new ReleaseStock(reservations, clock),
    expire: new ExpireReservations(reservations, clock),
    list: new ListStock(stock),
    getReservation,
    getStockItem,
    state: async (id: string) => (await getReservation.execute(id))?.snapshot(),
    tea: async () => (await getStockItem.execute('tea'))?.levels,
    told: (id: string) => context.told(id).map((event) => event.replace('inventory.stock-', '')),
  };
}

describe('Reserved stock', () => {
  it('is sold when its order is confirmed', async () => {
    const { reserve, commit, clock, state, tea, told } = await world();
    const id = await reserve(2);
    clock.advance(1_000);
    await commit.execute(id);
    expect(await state(id)).toMatchObject({ status: 'committed', changedAt: clock.now() });
    expect(await tea()).toEqual({ received: 5, available: 3, reserved: 0, sold: 2 });
    expect(told(id)).toEqual(['reserved 1', 'committed 2']);
  });

  it('can be sold only to an order that it was reserved for', async () => {
    const { commit, newId, tea } = await world();
    const id = newId();
    await expect(commit.execute(id)).rejects.toMatchObject({
      name: 'UnknownReservationError',
      message: expect.stringContaining(id),
    });
    expect(await tea()).toMatchObject({ available: 5 });
  });

  it('is available again when its order is cancelled, even if it was sold', async () => {
    const { reserve, commit, release, clock, state, tea, told } = await world();
    const [reserved, sold] = [await reserve(1), await reserve(2)];
    await commit.execute(sold);
    clock.advance(1_000);
    for (const id of [reserved, sold]) await release.execute(id);
    expect(await tea()).toEqual({ received: 5, available: 5, reserved: 0, sold: 0 });
    expect(await state(sold)).toMatchObject({ status: 'released', changedAt: clock.now() });
    expect(told(sold)).toEqual(['reserved 1', 'committed 2', 'released 3']);
  });

  it('is not needed to cancel an order that never got any', async () => {
    const { release, getReservation, newId, tea } = await world();
    const id = newId();
    await release.execute(id);
    expect(await getReservation.execute(id)).toBeUndefined();
    expect(await tea()).toMatchObject({ available: 5 });
  });

  it('is available again once its time is over, not a moment earlier', async () => {
    const { reserve, expire, clock, state, tea, told } = await world();
    const id = await reserve(2);
    clock.advance(HOUR_MS - 1);
    await expire.execute();
    expect(await state(id)).toMatchObject({ status: 'reserved' });
    clock.advance(1);
    await expire.execute();
    expect(await state(id)).toMatchObject({ status: 'expired' });
    expect(await tea()).toEqual({ received: 5, available: 5, reserved: 0, sold: 0 });
    expect(told(id)).toEqual(['reserved 1', 'released 2']);
  });

  it('expires in one run, however many reservations there are', async () => {
    const { setStock, reserve, expire, clock, tea } = await world();
    await setStock.execute([{ sku: 'tea', available: 201 }]);
    for (let reserved = 0; reserved < 201; reserved++) await reserve(1);
    expect(await tea()).toMatchObject({ reserved: 201 });
    clock.advance(HOUR_MS);
    await expire.execute();
    expect(await tea()).toMatchObject({ available: 201, reserved: 0 });
  });
});

describe('The stock list', () => {
  it('has every product that the catalog lists, and keeps what is in stock', async () => {
    const { recordListed, list, tea } = await world();
    await recordListed.execute('cake');
    await recordListed.execute('tea');
    expect((await list.execute({ limit: 9 })).map(({ sku }) => sku)).toEqual(['cake', 'tea']);
    expect(await tea()).toMatchObject({ available: 5 });
  });

  it('is read by SKU, page by page, and holds only what was ever stocked or listed', async () => {
    const { setStock, list, getStockItem } = await world();
    const updated = await setStock.execute([
      { sku: 'cake', available: 1 },
      { sku: 'tea', available: 7 },
    ]);
    expect(updated.item('tea').levels).toMatchObject({ received: 7, available: 7 });
    const skus = async (query: { limit: number; after?: string }) =>
      (await list.execute(query)).map(({ sku }) => sku);
    expect(await skus({ limit: 1 })).toEqual(['cake']);
    expect(await skus({ limit: 1, after: 'cake' })).toEqual(['tea']);
    expect(await getStockItem.execute('coffee')).toBeUndefined();
  });
});
