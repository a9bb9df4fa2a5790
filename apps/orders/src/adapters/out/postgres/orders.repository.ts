import type { PostgresUnitOfWork } from '@atlas/adapters/postgres';
import { Money } from '@atlas/kernel';
import type { Outbox } from '@atlas/ports';
import { Order, type OrderChange, type OrderState } from '../../../domain/order';
import { OrderLine } from '../../../domain/order-line';
import { type OrderFilter, OrderRepository } from '../../../application/ports';
import { publishedEvents } from '../events/published-events';
import { OrderEntity, OrderLineEntity, type OrderRow } from './order.entity';

export class PostgresOrderRepository extends OrderRepository {
  constructor(
    private readonly unitOfWork: PostgresUnitOfWork,
    private readonly outbox: Outbox,
  ) {
    super();
  }

  create(placed: OrderChange): Promise<void> {
    return this.unitOfWork.run(async () => {
      const { lines, ...row } = toRow(placed.next);
      await this.unitOfWork.manager.insert(OrderEntity, row);
      await this.unitOfWork.manager.insert(OrderLineEntity, lines);
      await this.outbox.add(publishedEvents(placed));
    });
  }

  update(id: string, change: (order: Order) => OrderChange): Promise<Order | undefined> {
    return this.unitOfWork.run(async () => {
      const row = await this.select()
        .where('orders.id = :id', { id })
        .setLock('pessimistic_write', undefined, ['orders'])
        .getOne();
      if (!row) return undefined;
      const changed = change(toOrder(row));
      if (changed.events.length > 0) {
        const { status, reason, version, history } = toRow(changed.next);
        await this.unitOfWork.manager.update(OrderEntity, { id }, { status, reason, version, history });
        await this.outbox.add(publishedEvents(changed));
      }
      return changed.next;
    });
  }

  async find(id: string): Promise<Order | undefined> {
    const row = await this.select().where('orders.id = :id', { id }).getOne();
    return row ? toOrder(row) : undefined;
  }

  async list({ status, customerId, limit, after }: OrderFilter): Promise<readonly Order[]> {
    const page = this.unitOfWork.manager
      .createQueryBuilder(OrderEntity, 'page')
      .select('page.id')
      .limit(limit);
    page.orderBy('page.id', 'DESC');
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
}

function toRow(order: Order): OrderRow {
  const { id, customerId, status, reason, lines, total, paymentToken, version, history } = order.snapshot();
  return {
    id,
    customerId,
    status,
    reason: reason ?? null,
    total: String(total.minorUnits),
    currency: total.currency,
    paymentToken,
    version,
    history: history.map((entry) => ({ status: entry.status, at: entry.at.toISOString() })),
    lines: lines.map(({ sku, quantity, unitPrice }, position) => ({
      orderId: id,
      position,
      sku,
      quantity,
      unitPrice: String(unitPrice.minorUnits),
    })),
  };
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
    version: row.version,
    history: row.history.map(({ status, at }) => ({
      status,
      at: new Date(at),
    })) as unknown as OrderState['history'],
  });
}
