import { randomUUID } from 'node:crypto';
import { UnitOfWork } from '@atlas/ports/adapters';
import { eventually } from '@atlas/testing';
import { type Context, startContext } from '@atlas/testing/context';
import type { EntityManager } from 'typeorm';
import { ReserveStock } from '../src/application/commands/reserve-stock';
import { inventoryApp } from '../src/inventory.app';
import { discrepancies, levelsOf, setStock } from './builders';

/** A barrier that resolves once `size` callers have arrived. */
function meeting(size: number): () => Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let arrived = 0;
  return () => {
    if (++arrived === size) resolve();
    return promise;
  };
}

/** DDIA, chapter 7: how a lost update sells a unit twice. */
describe('Two orders for the last unit', () => {
  let inventory: Context;
  let sku: string;

  beforeAll(async () => {
    inventory = await startContext(inventoryApp, { replicas: 2 });
  });
  beforeEach(async () => {
    sku = `last-${randomUUID()}`;
    await setStock(inventory, { [sku]: 1 });
  });
  afterAll(() => inventory?.stop());

  /** The naive approach: read, decide, write. */
  async function reserveNaively(manager: EntityManager, decided: () => Promise<void>): Promise<void> {
    const [read]: { available: number; reserved: number }[] = await manager.query(
      'SELECT available::integer, reserved::integer FROM stock WHERE sku = $1',
      [sku],
    );
    const { available, reserved } = read!;
    await decided();
    if (available < 1) throw new Error('sold out');
    await manager.query('UPDATE stock SET available = $2, reserved = $3 WHERE sku = $1', [
      sku,
      available - 1,
      reserved + 1,
    ]);
    const id = randomUUID();
    await manager.query(
      `INSERT INTO reservation (id, status, shortages, version, requested_at, due_at, changed_at)
       VALUES ($1, 'reserved', '[]', 1, now(), now() + interval '1 hour', now())`,
      [id],
    );
    await manager.query(
      'INSERT INTO reservation_line (reservation_id, position, sku, quantity) VALUES ($1, 0, $2, 1)',
      [id, sku],
    );
  }

  const reserve = (replica: 0 | 1): Promise<void> =>
    inventory.replicas[replica]!.get(ReserveStock).execute({
      orderId: randomUUID(),
      lines: [{ sku, quantity: 1 }],
    });
  /** The number of reservations of the unit, by status. */
  const reservations = async (): Promise<Record<string, number>> => {
    const rows: { status: string; count: number }[] = await inventory.query(
      `SELECT status, count(*)::integer AS count FROM reservation
       JOIN reservation_line ON reservation_id = reservation.id WHERE sku = $1 GROUP BY status`,
      [sku],
    );
    return Object.fromEntries(rows.map(({ status, count }) => [status, count]));
  };
  it('both succeed with read, decide, write: READ COMMITTED loses one of the updates', async () => {
    const decided = meeting(2);
    const naive = () =>
      inventory.dataSource.transaction('READ COMMITTED', (manager) => reserveNaively(manager, decided));
    await Promise.all([naive(), naive()]);
    expect(await reservations()).toEqual({ reserved: 2 });
    expect(await levelsOf(inventory, sku)).toEqual({ received: 1, available: 0, reserved: 1, sold: 0 });
    expect(await discrepancies(inventory)).toEqual([
      expect.objectContaining({ sku, received: '1', reserved: '1', claimed: '2' }),
    ]);
    await inventory.query('TRUNCATE reservation, reservation_line');
    await inventory.query('UPDATE stock SET available = available + reserved, reserved = 0');
  });

  it('one of them fails with the same code under REPEATABLE READ, and must be retried', async () => {
    const decided = meeting(2);
    const naive = () =>
      inventory.dataSource.transaction('REPEATABLE READ', (manager) => reserveNaively(manager, decided));
    const outcomes = await Promise.allSettled([naive(), naive()]);
    const failed = outcomes.filter((outcome) => outcome.status === 'rejected');
    expect(failed).toMatchObject([{ reason: { driverError: { code: '40001' } } }]);
    expect(await reservations()).toEqual({ reserved: 1 });
    expect(await discrepancies(inventory)).toEqual([]);
  });

  it("the second waits for the first and is rejected, with inventory's own code", async () => {
    let second: Promise<void> | undefined;
    await inventory.get(UnitOfWork).run(async () => {
      await reserve(0);
      second = reserve(1);
      await eventually(async () => (await inventory.waitingForLocks()) > 0);
    });
    await second;
    expect(await reservations()).toEqual({ reserved: 1, rejected: 1 });
    expect(await levelsOf(inventory, sku)).toEqual({ received: 1, available: 0, reserved: 1, sold: 0 });
    expect(await discrepancies(inventory)).toEqual([]);
  });

  it('the second succeeds if the first is rolled back', async () => {
    let second: Promise<void> | undefined;
    const first = inventory.get(UnitOfWork).run(async () => {
      await reserve(0);
      second = reserve(1);
      await eventually(async () => (await inventory.waitingForLocks()) > 0);
      throw new Error('the first fails');
    });
    await expect(first).rejects.toThrow('the first fails');
    await second;
    expect(await reservations()).toEqual({ reserved: 1 });
    expect(await discrepancies(inventory)).toEqual([]);
  });

  it('an order also waits for other writers of the row, such as an operator using SQL', async () => {
    let order: Promise<void> | undefined;
    await inventory.dataSource.transaction(async (manager) => {
      await manager.query(`UPDATE stock SET received = 0, available = 0 WHERE sku = $1`, [sku]);
      await manager.query(`INSERT INTO stock_movement (sku, quantity) VALUES ($1, -1)`, [sku]);
      order = reserve(1);
      await eventually(async () => (await inventory.waitingForLocks()) > 0);
    });
    await order;
    expect(await reservations()).toEqual({ rejected: 1 });
    expect(await discrepancies(inventory)).toEqual([]);
  });
});
