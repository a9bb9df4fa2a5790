import { Money } from '@atlas/kernel';
import { MemoryContext } from '@atlas/testing';
import { MemoryOrderRepository } from '../../adapters/driven/memory/orders.repository';
import { MemoryPriceBook } from '../../adapters/driven/memory/price-book.repository';
import { GetOrder } from '../queries/get-order';
import { ListOrders } from '../queries/list-orders';
import { ListPrices } from '../queries/list-prices';
import { CancelOrder } from './cancel-order';
import { ExpireOrders } from './expire-orders';
import { PlaceOrder } from './place-order';
import { RecordPaymentCaptured } from './record-payment-captured';
import { RecordPaymentRefused } from './record-payment-refused';
import { RecordPrice } from './record-price';
import { RecordStockRejected } from './record-stock-rejected';
import { RecordStockReleased } from './record-stock-released';
import { RecordStockReserved } from './record-stock-reserved';

const QUARTER_HOUR_MS = 15 * 60_000;

/** Orders, where the test says what the other contexts tell. */
async function world() {
  const context = new MemoryContext();
  const { clock, ids } = context;
  const orders = new MemoryOrderRepository(context.unitOfWork, context.outbox);
  const prices = new MemoryPriceBook(context.unitOfWork);
  const recordPrice = new RecordPrice(prices);
  await recordPrice.execute({ sku: 'milk', unitPrice: Money.of(119) });
  await recordPrice.execute({ sku: 'bread', unitPrice: Money.of(249) });
  const placeOrder = new PlaceOrder(orders, prices, clock, ids, QUARTER_HOUR_MS);
  const lines = [{ sku: 'milk', quantity: 1 }];
  const get = new GetOrder(orders);
  return {
    clock,
    newId: () => ids.next(),
    place: async (customerId = 'ada') => {
      const placed = await placeOrder.execute({ customerId, lines, paymentToken: 'tok_approve' });
      if (!placed.ok) throw new Error('It has no price');
      return placed.value.id;
    },
    reserved: new RecordStockReserved(orders, clock),
    rejected: new RecordStockRejected(orders, clock),
    released: new RecordStockReleased(orders, clock),
    captured: new RecordPaymentCaptured(orders, clock),
    refused: new RecordPaymentRefused(orders, clock),
    cancel: new CancelOrder(orders, clock),
    expire: new ExpireOrders(orders, clock),
    list: new ListOrders(orders),
    prices: new ListPrices(prices),
    get,
    state: async (id: string) => (await get.execute(id))?.snapshot(),
    told: (id: string) => context.told(id).map((event) => event.replace('orders.order-', '')),
  };
}

describe('An order', () => {
  it('is confirmed once its stock is reserved and its payment captured', async () => {
    const { place, clock, reserved, captured, state, told } = await world();
    const id = await place();
    clock.advance(1_000);
    await reserved.execute(id);
    expect(await state(id)).toMatchObject({ status: 'awaiting-payment' });
    clock.advance(1_000);
    await captured.execute(id);
    expect(await state(id)).toMatchObject({ status: 'confirmed' });
    expect((await state(id))?.history.at(-1)?.at).toEqual(clock.now());
    expect(told(id)).toEqual(['placed 1', 'payment-due 2', 'confirmed 3']);
  });

  it('is cancelled if inventory has not enough', async () => {
    const { place, rejected, state, told } = await world();
    const id = await place();
    await rejected.execute(id);
    expect(await state(id)).toMatchObject({ status: 'cancelled', reason: 'out-of-stock' });
    expect(told(id)).toEqual(['placed 1', 'cancelled 2']);
  });

  it.each(['payment-declined', 'payment-failed'] as const)(
    'is cancelled with the reason %s',
    async (reason) => {
      const { place, reserved, refused, state } = await world();
      const id = await place();
      await reserved.execute(id);
      await refused.execute({ orderId: id, reason });
      expect(await state(id)).toMatchObject({ status: 'cancelled', reason });
    },
  );

  it('expires if inventory releases its stock while it awaits payment', async () => {
    const { place, reserved, released, state } = await world();
    const id = await place();
    await reserved.execute(id);
    await released.execute(id);
    expect(await state(id)).toMatchObject({ status: 'cancelled', reason: 'expired' });
  });

  it('is cancelled by its customer once', async () => {
    const { place, cancel, told } = await world();
    const id = await place();
    expect((await cancel.execute(id))?.snapshot()).toMatchObject({ reason: 'customer-request' });
    expect((await cancel.execute(id))?.snapshot()).toMatchObject({ status: 'cancelled', version: 2 });
    expect(told(id)).toEqual(['placed 1', 'cancelled 2']);
  });

  it('that nobody knows is nothing to cancel, but an error if another context speaks of it', async () => {
    const { newId, cancel, reserved, rejected, released, captured, refused, get } = await world();
    const id = newId();
    expect(await get.execute(id)).toBeUndefined();
    expect(await cancel.execute(id)).toBeUndefined();
    for (const told of [
      reserved.execute(id),
      rejected.execute(id),
      released.execute(id),
      captured.execute(id),
      refused.execute({ orderId: id, reason: 'payment-failed' }),
    ]) {
      await expect(told).rejects.toMatchObject({
        name: 'UnknownOrderError',
        message: expect.stringContaining(id),
      });
    }
  });

  it('expires at its deadline, not a moment earlier, and not if it was settled', async () => {
    const { place, clock, reserved, captured, expire, state } = await world();
    const [late, confirmed] = [await place(), await place()];
    await reserved.execute(confirmed);
    await captured.execute(confirmed);
    clock.advance(QUARTER_HOUR_MS - 1);
    await expire.execute();
    expect(await state(late)).toMatchObject({ status: 'placed' });
    clock.advance(1);
    await expire.execute();
    expect(await state(late)).toMatchObject({ status: 'cancelled', reason: 'expired' });
    expect(await state(confirmed)).toMatchObject({ status: 'confirmed' });
  });

  it('expires in one run, however many there are', async () => {
    const { place, clock, expire, list } = await world();
    for (let placed = 0; placed < 201; placed++) await place();
    clock.advance(QUARTER_HOUR_MS);
    await expire.execute();
    expect(await list.execute({ status: 'placed', limit: 1_000 })).toEqual([]);
  });

  it('is listed for its customer', async () => {
    const { place, list } = await world();
    const [ada, grace] = [await place('ada'), await place('grace')];
    expect((await list.execute({ limit: 10 })).map(({ id }) => id)).toEqual([grace, ada]);
    expect((await list.execute({ customerId: 'ada', limit: 10 })).map(({ id }) => id)).toEqual([ada]);
  });
});

describe('The price list', () => {
  it('is read by SKU, page by page', async () => {
    const { prices } = await world();
    const skus = async (query: { limit: number; after?: string }) =>
      (await prices.execute(query)).map(({ sku }) => sku);
    expect(await skus({ limit: 1 })).toEqual(['bread']);
    expect(await skus({ limit: 1, after: 'bread' })).toEqual(['milk']);
  });
});
