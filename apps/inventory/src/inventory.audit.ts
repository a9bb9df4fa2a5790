import { type Check, Checking, type ContextAudit, type Database, type Reading } from '@atlas/context';
import { FIGURES } from '@atlas/contracts';

/** Reservations by order, with their lines. */
const reservations: Reading = async (database, orderIds) => {
  const { rows } = await database.query(
    `SELECT id AS "orderId", status, (
       SELECT json_agg(json_build_object('sku', sku, 'quantity', quantity)) FROM reservation_line
       WHERE reservation_id = id
     ) AS lines
     FROM reservation WHERE $1::uuid[] IS NULL OR id = ANY ($1)`,
    [orderIds],
  );
  return rows;
};

export const audit: ContextAudit = {
  readings: { reservations },
  figures: {
    [FIGURES.unitsOrdered]: {
      sql: 'SELECT reservation_id AS key, sum(quantity) AS value FROM reservation_line GROUP BY reservation_id',
    },
    [FIGURES.unitsReserved]: { sql: 'SELECT sku AS key, reserved AS value FROM stock' },
    [FIGURES.unitsSold]: { sql: 'SELECT sku AS key, sold AS value FROM stock' },
  },
  check: async ({ database }) => ({ checks: [await auditStock(database)] }),
};

/** A single statement sees one snapshot, so this holds at any time, even under load. */
async function auditStock(database: Database): Promise<Check> {
  const checking = new Checking('stock in = available + reserved + sold, for each SKU, never negative');
  const { rows } = await database.query<
    Record<'sku' | 'received' | 'available' | 'reserved' | 'sold' | 'came' | 'claimed' | 'gone', string>
  >(`
    SELECT stock.*, coalesce(movement.came, 0) AS came, coalesce(line.claimed, 0) AS claimed, coalesce(line.gone, 0) AS gone
    FROM stock
    LEFT JOIN (SELECT sku, sum(quantity) AS came FROM stock_movement GROUP BY sku) movement USING (sku)
    LEFT JOIN (
      SELECT sku,
        sum(quantity) FILTER (WHERE status = 'reserved') AS claimed,
        sum(quantity) FILTER (WHERE status = 'committed') AS gone
      FROM reservation_line JOIN reservation ON reservation.id = reservation_id GROUP BY sku
    ) line USING (sku)
    ORDER BY sku`);
  for (const row of rows) {
    const [received, available, reserved, sold] = [row.received, row.available, row.reserved, row.sold].map(
      BigInt,
    ) as [bigint, bigint, bigint, bigint];
    const wrong: string[] = [];
    if (received !== available + reserved + sold)
      wrong.push(`${received} were received, but ${available} + ${reserved} + ${sold} are accounted for`);
    if ([received, available, reserved, sold].some((level) => level < 0n)) wrong.push('a level is negative');
    if (received !== BigInt(row.came))
      wrong.push(`received is ${received}, but the movements add up to ${row.came}`);
    if (reserved !== BigInt(row.claimed))
      wrong.push(`reserved is ${reserved}, but the reservations add up to ${row.claimed}`);
    if (sold !== BigInt(row.gone))
      wrong.push(`sold is ${sold}, but the committed reservations add up to ${row.gone}`);
    checking.look(row.sku, wrong.join('; ') || undefined);
  }
  return checking.result;
}
