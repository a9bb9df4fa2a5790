import { JobTrigger } from '@atlas/ports/application';
import { eventually } from '@atlas/testing';
import { type Context, startContext } from '@atlas/testing/context';
import { ExpireOrders } from '../src/application/commands/expire-orders';
import { ordersApp } from '../src/orders.app';
import { type OrderAnswer, placeOrder, setPrices, stockReserved } from './builders';

/** More than one run expires. */
const ORDERS = 130;

describe('An order that is not settled in its time', () => {
  let orders: Context;

  beforeAll(async () => {
    orders = await startContext(ordersApp, { replicas: 2 });
    await setPrices(orders);
  });
  afterAll(() => orders?.stop());

  const place = () => placeOrder(orders);
  const read = async (id: string) => (await orders.send('GET', `/orders/${id}`)).json<OrderAnswer>();
  /** Makes the orders look as if they were placed long ago. */
  const letTimePass = (ids: readonly string[]) =>
    orders.query(`UPDATE orders SET due_at = now() - interval '1 second' WHERE id = ANY ($1::uuid[])`, [ids]);

  it('is cancelled once by the job of either replica, but not before its deadline', async () => {
    const [late, early] = [await place(), await place()];
    expect(Date.parse(late.dueAt) - Date.now()).toBeGreaterThan(14 * 60_000);
    await letTimePass([late.id]);

    for (const one of orders.replicas) one.get(JobTrigger).trigger('expire-orders');
    const cancelled = await eventually(async () => {
      const order = await read(late.id);
      return order.status === 'cancelled' && order;
    });
    expect(cancelled.reason).toBe('expired');
    expect((await read(early.id)).status).toBe('placed');
  });

  it('is cancelled once, even if many are due and the replicas compete', async () => {
    const ids: string[] = [];
    while (ids.length < ORDERS) ids.push((await place()).id);
    const [waiting] = ids as [string];
    await orders.publish(stockReserved(waiting));
    await eventually(async () => (await read(waiting)).status === 'awaiting-payment');
    await letTimePass(ids);

    await Promise.all(orders.replicas.map((one) => one.get(ExpireOrders).execute()));
    // Each replica skips what the other has locked; the next run handles it at the latest.
    await orders.get(ExpireOrders).execute();

    const cancellations = (await orders.outbox())
      .filter(({ type, subject }) => type === 'orders.order-cancelled' && ids.includes(subject))
      .map(({ subject, data }) => ({ id: subject, reason: data['reason'] }));
    expect(cancellations).toHaveLength(ids.length);
    expect(cancellations).toEqual(expect.arrayContaining(ids.map((id) => ({ id, reason: 'expired' }))));
  });
});
