import { randomUUID } from 'node:crypto';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { StockReserved, topics } from '@atlas/contracts';
import { EventLog } from '@atlas/ports/adapters';
import { JobTrigger } from '@atlas/ports/application';
import { createService, loadConfig, startService } from '@atlas/service';
import { createTestDatabase, eventually, publish, recordOf, type TestDatabase } from '@atlas/testing';
import { DataSource } from 'typeorm';
import { ExpireOrders } from '../src/application/commands/expire-orders';
import { ordersApp } from '../src/orders.app';

/** More than what is expired together. */
const ORDERS = 130;

interface OrderAnswer {
  readonly id: string;
  readonly status: string;
  readonly reason?: string;
  readonly dueAt: string;
}

describe('An order that is not settled in its time', () => {
  let databases: TestDatabase[];
  let replicas: NestFastifyApplication[];

  beforeAll(async () => {
    databases = [await createTestDatabase(), await createTestDatabase()];
    replicas = [await replica(), await replica()];
    await app().get(EventLog).ensureTopics(topics);
    const entries = [{ sku: 'whole-milk', name: 'Whole milk', unitPrice: { minorUnits: 119 } }];
    await app().inject({ method: 'PUT', url: '/price-book', payload: { entries } });
  });
  afterAll(async () => {
    for (const one of replicas ?? []) await one.close();
    for (const database of databases ?? []) await database.drop();
  });

  async function replica(): Promise<NestFastifyApplication> {
    const settings = loadConfig(ordersApp.settings, {
      PORT: '0',
      DATABASE_URL: databases[0]!.url,
      EVENT_LOG_URL: databases[1]!.url,
      LOG_LEVEL: 'fatal',
    });
    const started = await createService(ordersApp, settings);
    await startService(started, settings);
    return started;
  }

  const app = () => replicas[0]!;
  const place = async (): Promise<OrderAnswer> => {
    const answer = await app().inject({
      method: 'POST',
      url: '/orders',
      headers: { 'idempotency-key': randomUUID() },
      payload: {
        customerId: 'ada',
        lines: [{ sku: 'whole-milk', quantity: 1 }],
        paymentToken: 'tok_approve',
      },
    });
    return answer.json<OrderAnswer>();
  };
  const read = async (id: string): Promise<OrderAnswer> =>
    (await app().inject(`/orders/${id}`)).json<OrderAnswer>();
  const cancellations = (): Promise<{ id: string; reason: string }[]> =>
    app()
      .get(DataSource)
      .query(
        `SELECT aggregate_id AS id, convert_from(payload, 'UTF8')::jsonb ->> 'reason' AS reason
         FROM outbox WHERE headers ->> 'ce_type' = 'orders.order-cancelled' ORDER BY 1`,
      );
  /** As if the orders had been placed long ago. */
  const letTimePass = (ids: readonly string[]) =>
    app()
      .get(DataSource)
      .query(`UPDATE orders SET due_at = now() - interval '1 second' WHERE id = ANY ($1::uuid[])`, [ids]);

  it('is cancelled once by the job of whichever replica, and one that has time left is not', async () => {
    const [late, early] = [await place(), await place()];
    expect(Date.parse(late.dueAt) - Date.now()).toBeGreaterThan(14 * 60_000);
    await letTimePass([late.id]);

    for (const one of replicas) one.get(JobTrigger, { strict: false }).trigger('expire-orders');
    const cancelled = await eventually(async () => {
      const order = await read(late.id);
      return order.status === 'cancelled' && order;
    });
    expect(cancelled.reason).toBe('expired');
    expect((await read(early.id)).status).toBe('placed');
  });

  it('is cancelled once, also if many are due and the replicas run into each other', async () => {
    const orders: OrderAnswer[] = [];
    while (orders.length < ORDERS) orders.push(await place());
    const ids = orders.map(({ id }) => id).sort();
    const [waiting] = ids as [string];
    const data = { orderId: waiting, lines: [{ sku: 'whole-milk', quantity: 1 }] };
    await publish(
      app().get(EventLog),
      recordOf({ contract: StockReserved, subject: waiting, aggregateVersion: 1, data }),
    );
    await eventually(async () => (await read(waiting)).status === 'awaiting-payment');
    await letTimePass(ids);

    await Promise.all(replicas.map((one) => one.get(ExpireOrders).execute()));
    // What one replica held, the other has left out: it is there the next time at the latest.
    await app().get(ExpireOrders).execute();

    const told = (await cancellations()).filter(({ id }) => ids.includes(id));
    expect(told).toEqual(ids.map((id) => ({ id, reason: 'expired' })));
  });
});
