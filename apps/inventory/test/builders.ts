import { OrderCancelled, OrderConfirmed, OrderPlaced, ProductListed } from '@atlas/contracts';
import { recordOf } from '@atlas/testing';
import type { Context } from '@atlas/testing/context';
import type { StockLevels } from '../src/domain/stock-item';

export interface Line {
  readonly sku: string;
  readonly quantity: number;
}

const price = { minorUnits: 100, currency: 'EUR' };

export const one = (sku: string): Line => ({ sku, quantity: 1 });

export const orderPlaced = (orderId: string, lines: readonly Line[]) =>
  recordOf({
    contract: OrderPlaced,
    subject: orderId,
    aggregateVersion: 1,
    data: {
      orderId,
      customerId: 'ada',
      lines: lines.map((line) => ({ ...line, unitPrice: price })),
      total: price,
    },
  });

export const orderConfirmed = (orderId: string, lines: readonly Line[]) =>
  recordOf({
    contract: OrderConfirmed,
    subject: orderId,
    aggregateVersion: 3,
    data: { orderId, lines: [...lines], total: price },
  });

export const orderCancelled = (orderId: string, aggregateVersion = 2) =>
  recordOf({
    contract: OrderCancelled,
    subject: orderId,
    aggregateVersion,
    data: { orderId, reason: 'customer-request' },
  });

export const productListed = (sku: string, aggregateVersion = 1) =>
  recordOf({
    contract: ProductListed,
    subject: sku,
    aggregateVersion,
    data: { sku, category: 'food', name: `Best ${sku}`, price },
  });

/** Sets the available units of each SKU. */
export async function setStock(
  inventory: Context,
  available: Readonly<Record<string, number>>,
): Promise<void> {
  const items = Object.entries(available).map(([sku, count]) => ({ sku, available: count }));
  const { statusCode, body } = await inventory.send('PUT', '/stock', { items });
  if (statusCode !== 200) throw new Error(body);
}

export async function levelsOf(inventory: Context, sku: string): Promise<StockLevels> {
  const answer = await inventory.send('GET', `/stock/${sku}`);
  const { received, available, reserved, sold } = answer.json<StockLevels>();
  return { received, available, reserved, sold };
}

/** The SKUs whose levels differ from the sums of their movements and reservation lines. */
export const discrepancies = (inventory: Context): Promise<readonly unknown[]> =>
  inventory.query(`
    WITH moved AS (SELECT sku, sum(quantity) AS received FROM stock_movement GROUP BY sku),
    claimed AS (
      SELECT sku, sum(quantity) FILTER (WHERE status = 'reserved') AS claimed,
             sum(quantity) FILTER (WHERE status = 'committed') AS committed
      FROM reservation_line JOIN reservation ON reservation.id = reservation_id GROUP BY sku
    )
    SELECT stock.*, moved.received AS moved, claimed, committed
    FROM stock LEFT JOIN moved USING (sku) LEFT JOIN claimed USING (sku)
    WHERE stock.received <> coalesce(moved.received, 0)
      OR reserved <> coalesce(claimed, 0) OR sold <> coalesce(committed, 0)`);
