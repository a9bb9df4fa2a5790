import type { PostgresUnitOfWork } from '@atlas/adapters/postgres';
import { Stock } from '../../../domain/stock';
import { StockItem } from '../../../domain/stock-item';
import type { StockRow } from './stock.entity';

interface UnitStock {
  /** Resolves when the unit has its turn. */
  readonly turn: Promise<unknown>;
  readonly items: Map<string, StockItem>;
  readonly changed: Set<string>;
}

/** Named, not numbered: a number that another adapter chose too would lock them against each other. */
const STOCK_LOCK = 'stock';

/**
 * The stock as the open unit of work sees and changes it. A batch of orders asks for the same SKUs again and again:
 * each row is locked and loaded once, and all that changed are written in one statement just before the commit.
 *
 * Units that change stock take turns. Batches meet on the hot SKUs anyway, so one would wait for the other at its
 * first row; but as each locks its rows in the order of its orders, they would then block each other, and a deadlock
 * takes PostgreSQL a second to find.
 */
export class LockedStock {
  constructor(private readonly unitOfWork: PostgresUnitOfWork) {}

  /** Waits until no other unit changes stock. To be called before other rows are locked, so that none waits crosswise. */
  async takeTurn(): Promise<void> {
    await this.unit();
  }

  /** Loads the stock of those of `skus` that were ever stocked; nobody else changes it until the unit ends. */
  async load(skus: readonly string[]): Promise<Stock> {
    const { items } = await this.unit();
    const missing = skus.filter((sku) => !items.has(sku));
    if (missing.length > 0) {
      const rows: StockRow[] = await this.unitOfWork.manager.query(
        `SELECT sku, received, on_hand AS "onHand", reserved, sold FROM stock
         WHERE sku = ANY($1::text[]) ORDER BY sku FOR UPDATE`,
        [missing],
      );
      for (const row of rows) items.set(row.sku, toStockItem(row));
    }
    return Stock.of(skus.flatMap((sku) => items.get(sku) ?? []));
  }

  /** Takes over what became of loaded items. */
  async save(items: readonly StockItem[]): Promise<void> {
    const unit = await this.unit();
    for (const item of items) {
      unit.items.set(item.sku, item);
      unit.changed.add(item.sku);
    }
  }

  private async unit(): Promise<UnitStock> {
    const unit = this.unitOfWork.local(this, () => this.begin());
    await unit.turn;
    return unit;
  }

  private begin(): UnitStock {
    const turn = this.unitOfWork.manager.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [
      STOCK_LOCK,
    ]);
    const unit: UnitStock = { turn, items: new Map(), changed: new Set() };
    this.unitOfWork.beforeCommit(() => this.write(unit));
    return unit;
  }

  private async write({ items, changed }: UnitStock): Promise<void> {
    if (changed.size === 0) return;
    const rows = [...changed].flatMap((sku) => items.get(sku) ?? []);
    await this.unitOfWork.manager.query(
      `UPDATE stock
       SET received = item.received, on_hand = item.on_hand, reserved = item.reserved, sold = item.sold
       FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[])
         AS item (sku, received, on_hand, reserved, sold)
       WHERE stock.sku = item.sku`,
      [
        rows.map((row) => row.sku),
        rows.map((row) => row.levels.received),
        rows.map((row) => row.levels.onHand),
        rows.map((row) => row.levels.reserved),
        rows.map((row) => row.levels.sold),
      ],
    );
  }
}

export const toStockItem = ({ sku, received, onHand, reserved, sold }: StockRow): StockItem =>
  new StockItem(sku, {
    received: Number(received),
    onHand: Number(onHand),
    reserved: Number(reserved),
    sold: Number(sold),
  });
