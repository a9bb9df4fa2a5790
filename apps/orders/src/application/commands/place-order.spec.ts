import { Money } from '@atlas/kernel';
import { MemoryContext } from '@atlas/testing';
import { MemoryOrderRepository } from '../../adapters/driven/memory/orders.repository';
import { MemoryPriceBook } from '../../adapters/driven/memory/price-book.repository';
import { PlaceOrder } from './place-order';
import { RecordPrice } from './record-price';
import { RecordProductRetired } from './record-product-retired';

const QUARTER_HOUR_MS = 15 * 60_000;

describe('PlaceOrder', () => {
  const context = new MemoryContext();
  const orders = new MemoryOrderRepository(context.unitOfWork, context.outbox);
  const prices = new MemoryPriceBook(context.unitOfWork);
  const placeOrder = new PlaceOrder(orders, prices, context.clock, context.ids, QUARTER_HOUR_MS);

  beforeAll(() =>
    prices.set([
      { sku: 'whole-milk', unitPrice: Money.of(119) },
      { sku: 'brown-bread', unitPrice: Money.of(249) },
    ]),
  );

  const place = (...skus: readonly string[]) =>
    placeOrder.execute({
      customerId: 'ada',
      lines: skus.map((sku) => ({ sku, quantity: 2 })),
      paymentToken: 'tok_approve',
    });
  const placed = async (...skus: readonly string[]) => {
    const result = await place(...skus);
    if (!result.ok) throw new Error(`No price for lines ${result.error.indexes.join()}`);
    return result.value.snapshot();
  };

  it('places the order at current prices, and publishes it', async () => {
    const order = await placed('whole-milk', 'brown-bread');
    expect(order).toMatchObject({ status: 'placed', total: Money.of(2 * 119 + 2 * 249) });
    expect((await orders.get(order.id))?.snapshot()).toEqual(order);
    expect(context.told(order.id)).toEqual(['orders.order-placed 1']);
  });

  it('is not affected by later price changes', async () => {
    const { id, total } = await placed('whole-milk');
    await prices.set([{ sku: 'whole-milk', unitPrice: Money.of(129) }]);
    expect((await orders.get(id))?.snapshot().total).toEqual(total);
    expect((await placed('whole-milk')).total).toEqual(Money.of(258));
  });

  it('takes the price that the catalog has set last, and none of a product that it has retired', async () => {
    const record = new RecordPrice(prices);
    await record.execute({ sku: 'tea', unitPrice: Money.of(300) });
    await record.execute({ sku: 'tea', unitPrice: Money.of(250) });
    expect((await placed('tea')).total).toEqual(Money.of(500));
    await new RecordProductRetired(prices).execute('tea');
    expect(await place('tea')).toEqual({ ok: false, error: { indexes: [0] } });
  });

  it("sets the order's deadline from the time it was placed", async () => {
    context.clock.advance(60_000);
    const { dueAt } = await placed('whole-milk');
    expect(dueAt).toEqual(new Date(context.clock.now().getTime() + QUARTER_HOUR_MS));
  });

  it('places nothing if lines have no price, and names them', async () => {
    const before = await orders.list({ limit: 100 });
    expect(await place('whole-milk', 'unicorn', 'brown-bread', 'griffin')).toEqual({
      ok: false,
      error: { indexes: [1, 3] },
    });
    expect(await orders.list({ limit: 100 })).toHaveLength(before.length);
  });
});
