import type { PostgresUnitOfWork } from '@atlas/adapters/postgres';
import { Money } from '@atlas/kernel';
import type { Outbox } from '@atlas/ports/adapters';
import { type OrderFilter, OrderRepository } from '../../../application/ports';
import { Order, type OrderChange, type OrderState } from '../../../domain/order';
import { OrderLine } from '../../../domain/order-line';
import { publishedEvents } from '../events/published-events';
import { OrderEntity, type OrderRow } from './order.entity';

/** The orders that the open unit of work has locked and loaded or made, as they are by now. */
interface UnitOrders {
  readonly loaded: Map<string, Order>;
  readonly created: Set<string>;
  readonly updated: Set<string>;
}

/**
 * A batch of events is a unit of work, and so may touch many orders: each is locked and loaded once, and all that are
 * new or changed are written in two statements just before the commit. Plain SQL on this path, where every order
 * passes; TypeORM's query builder for reading.
 */
export class PostgresOrderRepository extends OrderRepository {
  constructor(
    private readonly unitOfWork: PostgresUnitOfWork,
    private readonly outbox: Outbox,
  ) {
    super();
  }

  create(placed: OrderChange): Promise<void> {
    return this.unitOfWork.run(async () => {
      const unit = this.unit();
      unit.loaded.set(placed.next.id, placed.next);
      unit.created.add(placed.next.id);
      await this.outbox.add(publishedEvents(placed));
    });
  }

  update(id: string, change: (order: Order) => OrderChange): Promise<Order | undefined> {
    return this.unitOfWork.run(async () => {
      const unit = this.unit();
      if (!unit.loaded.has(id)) await this.lock([id]);
      const order = unit.loaded.get(id);
      if (!order) return undefined;
      const changed = change(order);
      unit.loaded.set(id, changed.next);
      if (changed.events.length > 0) {
        if (!unit.created.has(id)) unit.updated.add(id);
        await this.outbox.add(publishedEvents(changed));
      }
      return changed.next;
    });
  }

  updateDue(now: Date, limit: number, change: (order: Order) => OrderChange): Promise<number> {
    return this.unitOfWork.run(async () => {
      const due: { id: string }[] = await this.unitOfWork.manager.query(
        `SELECT id FROM orders WHERE status IN ('placed', 'awaiting-payment') AND due_at <= $1
         ORDER BY due_at LIMIT $2 FOR UPDATE SKIP LOCKED`,
        [now, limit],
      );
      await this.lock(due.map(({ id }) => id));
      for (const { id } of due) await this.update(id, change);
      return due.length;
    });
  }

  async willUpdate(ids: readonly string[]): Promise<void> {
    await this.lock(ids);
  }

  async find(id: string): Promise<Order | undefined> {
    const row = await this.select().where('orders.id = :id', { id }).getOne();
    return row ? toOrder(row) : undefined;
  }

  async list({ status, customerId, limit, after }: OrderFilter): Promise<readonly Order[]> {
    const page = this.unitOfWork.manager
      .createQueryBuilder(OrderEntity, 'page')
      .select('page.id')
      .orderBy('page.id', 'DESC')
      .limit(limit);
    if (status) page.andWhere('page.status = :status', { status });
    if (customerId) page.andWhere('page.customerId = :customerId', { customerId });
    if (after) page.andWhere('page.id < :after', { after });
    const rows = await this.select()
      .where(`orders.id IN (${page.getQuery()})`)
      .setParameters(page.getParameters())
      .orderBy('orders.id', 'DESC')
      .addOrderBy('line.position')
      .getMany();
    return rows.map(toOrder);
  }

  private select() {
    return this.unitOfWork.manager
      .createQueryBuilder(OrderEntity, 'orders')
      .innerJoinAndSelect('orders.lines', 'line')
      .orderBy('line.position');
  }

  private unit(): UnitOrders {
    return this.unitOfWork.local(this, () => {
      const unit: UnitOrders = { loaded: new Map(), created: new Set(), updated: new Set() };
      const pick = (ids: ReadonlySet<string>) => [...ids].flatMap((id) => unit.loaded.get(id) ?? []);
      this.unitOfWork.beforeCommit(() => this.insert(pick(unit.created)));
      this.unitOfWork.beforeCommit(() => this.save(pick(unit.updated)));
      return unit;
    });
  }

  /** In one order of ids, so that two units with the same orders don't lock each other out. */
  private async lock(ids: readonly string[]): Promise<void> {
    const rows: OrderRow[] = await this.unitOfWork.manager.query(
      `SELECT id, customer_id AS "customerId", status, reason, total, currency, payment_token AS "paymentToken",
         due_at AS "dueAt", version, history,
         (SELECT json_agg(json_build_object('sku', sku, 'quantity', quantity, 'unitPrice', unit_price) ORDER BY position)
          FROM order_line WHERE order_id = id) AS lines
       FROM orders WHERE id = ANY ($1::uuid[]) ORDER BY id FOR UPDATE`,
      [ids],
    );
    const { loaded } = this.unit();
    for (const row of rows) if (!loaded.has(row.id)) loaded.set(row.id, toOrder(row));
  }

  private async insert(orders: readonly Order[]): Promise<void> {
    if (orders.length === 0) return;
    const states = orders.map((order) => order.snapshot());
    const lines = states.flatMap((state) =>
      state.lines.map((line, position) => ({ orderId: state.id, position, line })),
    );
    await this.unitOfWork.manager.query(
      `WITH placed AS (
         INSERT INTO orders (id, customer_id, status, reason, total, currency, payment_token, due_at, version, history)
         SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::text[], $7::text[],
           $8::timestamptz[], $9::integer[], $10::jsonb[])
       )
       INSERT INTO order_line (order_id, position, sku, quantity, unit_price)
       SELECT * FROM unnest($11::uuid[], $12::integer[], $13::text[], $14::integer[], $15::bigint[])`,
      [
        states.map((state) => state.id),
        states.map((state) => state.customerId),
        states.map((state) => state.status),
        states.map((state) => state.reason ?? null),
        states.map((state) => state.total.minorUnits),
        states.map((state) => state.total.currency),
        states.map((state) => state.paymentToken),
        states.map((state) => state.dueAt),
        states.map((state) => state.version),
        states.map((state) => JSON.stringify(state.history)),
        lines.map(({ orderId }) => orderId),
        lines.map(({ position }) => position),
        lines.map(({ line }) => line.sku),
        lines.map(({ line }) => line.quantity),
        lines.map(({ line }) => line.unitPrice.minorUnits),
      ],
    );
  }

  private async save(orders: readonly Order[]): Promise<void> {
    if (orders.length === 0) return;
    const states = orders.map((order) => order.snapshot());
    await this.unitOfWork.manager.query(
      `UPDATE orders SET status = row.status, reason = row.reason, version = row.version, history = row.history
       FROM unnest($1::uuid[], $2::text[], $3::text[], $4::integer[], $5::jsonb[])
         AS row (id, status, reason, version, history)
       WHERE orders.id = row.id`,
      [
        states.map((state) => state.id),
        states.map((state) => state.status),
        states.map((state) => state.reason ?? null),
        states.map((state) => state.version),
        states.map((state) => JSON.stringify(state.history)),
      ],
    );
  }
}

function toOrder(row: OrderRow): Order {
  return new Order({
    id: row.id,
    customerId: row.customerId,
    status: row.status,
    reason: row.reason ?? undefined,
    lines: row.lines.map(
      ({ sku, quantity, unitPrice }) =>
        new OrderLine(sku, quantity, Money.of(Number(unitPrice), row.currency)),
    ),
    total: Money.of(Number(row.total), row.currency),
    paymentToken: row.paymentToken,
    dueAt: row.dueAt,
    version: row.version,
    history: row.history.map(({ status, at }) => ({
      status,
      at: new Date(at),
    })) as unknown as OrderState['history'],
  });
}
