import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { topics } from '@atlas/contracts';
import { EventLog } from '@atlas/ports/adapters';
import { createService, loadConfig, startService } from '@atlas/service';
import { createTestDatabase, type TestDatabase } from '@atlas/testing';
import { DataSource } from 'typeorm';
import type { StockLevels } from '../src/domain/stock-item';
import { inventoryApp } from '../src/inventory.app';

/** Replicas of inventory, as processes would be: each with its own connections and its own place in the group. */
export class RunningInventory {
  private constructor(
    readonly replicas: readonly [NestFastifyApplication, NestFastifyApplication],
    private readonly databases: readonly TestDatabase[],
  ) {}

  static async start(): Promise<RunningInventory> {
    const own = await createTestDatabase();
    const shared = await createTestDatabase();
    const settings = loadConfig(inventoryApp.settings, {
      PORT: '0',
      DATABASE_URL: own.url,
      EVENT_LOG_URL: shared.url,
      LOG_LEVEL: 'fatal',
    });
    const replica = async () => {
      const app = await createService(inventoryApp, settings);
      await startService(app, settings);
      return app;
    };
    const inventory = new RunningInventory([await replica(), await replica()], [own, shared]);
    await inventory.log.ensureTopics(topics);
    return inventory;
  }

  get log(): EventLog {
    return this.replicas[0].get(EventLog);
  }

  get dataSource(): DataSource {
    return this.replicas[0].get(DataSource);
  }

  send(method: 'GET' | 'PUT', url: string, body?: object) {
    return this.replicas[0].inject({
      method,
      url,
      ...(body && { payload: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    });
  }

  /** Sets how many of each SKU are on hand. */
  async stock(onHand: Record<string, number>): Promise<void> {
    const items = Object.entries(onHand).map(([sku, count]) => ({ sku, onHand: count }));
    const answer = await this.send('PUT', '/stock', { items });
    if (answer.statusCode !== 200) throw new Error(answer.body);
  }

  async levels(sku: string): Promise<StockLevels> {
    const { received, onHand, reserved, sold } = (
      await this.send('GET', `/stock/${sku}`)
    ).json<StockLevels>();
    return { received, onHand, reserved, sold };
  }

  /** Whether a transaction waits for a lock that another holds. */
  async someoneWaits(): Promise<boolean> {
    const waiting: unknown[] = await this.dataSource.query(
      `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
    );
    return waiting.length > 0;
  }

  /** Every SKU whose levels differ from what the movements, and the lines of the reservations, add up to. */
  discrepancies(): Promise<readonly unknown[]> {
    return this.dataSource.query(`
      WITH moved AS (SELECT sku, sum(quantity) AS received FROM stock_movement GROUP BY sku),
      claimed AS (
        SELECT sku, sum(quantity) FILTER (WHERE status = 'held') AS held,
               sum(quantity) FILTER (WHERE status = 'committed') AS committed
        FROM reservation_line JOIN reservation ON reservation.id = reservation_id GROUP BY sku
      )
      SELECT stock.*, moved.received AS moved, held, committed
      FROM stock LEFT JOIN moved USING (sku) LEFT JOIN claimed USING (sku)
      WHERE stock.received <> coalesce(moved.received, 0)
        OR reserved <> coalesce(held, 0) OR sold <> coalesce(committed, 0)`);
  }

  async stop(): Promise<void> {
    for (const replica of this.replicas) await replica.close();
    for (const database of this.databases) await database.drop();
  }
}
