import { randomUUID } from 'node:crypto';
import { Money } from '@atlas/kernel';
import type { UnitOfWork } from '@atlas/ports/adapters';
import { v7 } from 'uuid';
import type { OrderRepository } from '../src/application/ports';
import { Order, type OrderChange } from '../src/domain/order';
import { OrderLine } from '../src/domain/order-line';

/** An adapter of {@link OrderRepository} and its test support. */
export interface OrdersUnderTest {
  readonly orders: OrderRepository;
  readonly unitOfWork: UnitOfWork;
  /** The order's committed events, each with its version. */
  told(orderId: string): Promise<readonly string[]> | readonly string[];
  stop(): Promise<void>;
}

const at = new Date('2026-01-01T10:00:00Z');

export function orderRepositoryContract(name: string, start: () => Promise<OrdersUnderTest>): void {
  describe(`The order repository, ${name}`, () => {
    let context: OrdersUnderTest;
    let orders: OrderRepository;
    // Earlier cases' orders are due later; all are due so late that no running job touches them.
    let year = 2200;

    beforeAll(async () => {
      context = await start();
      ({ orders } = context);
    });
    beforeEach(() => (year -= 1));
    afterAll(() => context?.stop());

    const due = (seconds = 0) => new Date(Date.UTC(year, 0, 1, 0, 0, seconds));
    const placed = (more: { customerId?: string; dueAt?: Date } = {}): OrderChange =>
      Order.place({
        id: v7(),
        customerId: 'ada',
        lines: [
          new OrderLine('whole-milk', 2, Money.of(119)),
          new OrderLine('brown-bread', 1, Money.of(249)),
        ],
        paymentToken: 'tok_approve',
        at,
        dueAt: due(),
        ...more,
      });
    const add = async (more?: { customerId?: string; dueAt?: Date }): Promise<Order> => {
      const change = placed(more);
      await orders.add(change);
      return change.next;
    };
    const read = async (id: string) => (await orders.get(id))?.snapshot();
    const reserve = (order: Order) => order.stockReserved(at);
    const cancel = (order: Order) => order.cancel(at);

    it('returns an order as it was added, and publishes its event', async () => {
      const order = await add();
      expect(await read(order.id)).toEqual(order.snapshot());
      expect(await context.told(order.id)).toEqual(['orders.order-placed 1']);
    });

    it('adds an order once', async () => {
      const change = placed();
      await orders.add(change);
      await expect(orders.add(change)).rejects.toThrow();
      expect(await context.told(change.next.id)).toEqual(['orders.order-placed 1']);
    });

    it('returns undefined for an unknown order', async () => {
      const change = jest.fn(cancel);
      expect(await orders.get(randomUUID())).toBeUndefined();
      expect(await orders.get('seven')).toBeUndefined();
      expect(await orders.update(randomUUID(), change)).toBeUndefined();
      expect(change).not.toHaveBeenCalled();
    });

    it('saves a change with its event', async () => {
      const { id } = await add();
      const updated = await orders.update(id, reserve);
      expect(updated?.snapshot()).toMatchObject({ status: 'awaiting-payment', version: 2 });
      expect(await read(id)).toEqual(updated?.snapshot());
      expect(await context.told(id)).toEqual(['orders.order-placed 1', 'orders.order-payment-due 2']);
    });

    it('saves and publishes nothing if nothing changes', async () => {
      const { id } = await add();
      await orders.update(id, cancel);
      const before = await read(id);
      expect((await orders.update(id, cancel))?.snapshot()).toEqual(before);
      expect(await context.told(id)).toEqual(['orders.order-placed 1', 'orders.order-cancelled 2']);
    });

    it('serializes concurrent updates of an order, and loses none', async () => {
      const { id } = await add();
      const changes = [reserve, cancel, reserve, cancel, reserve, cancel];
      await Promise.all(changes.map((change) => orders.update(id, change)));
      const { status, version, history } = (await read(id))!;
      expect(status).toBe('cancelled');
      expect(history).toHaveLength(version);
      expect(await context.told(id)).toHaveLength(version);
    });

    it('rolls back when a change throws', async () => {
      const { id } = await add();
      const before = await read(id);
      const refused = orders.update(id, () => {
        throw new Error('refused');
      });
      await expect(refused).rejects.toThrow('refused');
      expect(await read(id)).toEqual(before);
    });

    it('rolls back when the unit of work fails', async () => {
      const before = await add();
      const added = placed();
      const unit = context.unitOfWork.run(async () => {
        await orders.add(added);
        await orders.update(before.id, cancel);
        throw new Error('the unit fails');
      });
      await expect(unit).rejects.toThrow('the unit fails');
      expect(await read(added.next.id)).toBeUndefined();
      expect(await read(before.id)).toEqual(before.snapshot());
      expect(await context.told(before.id)).toEqual(['orders.order-placed 1']);
      expect(await context.told(added.next.id)).toEqual([]);
    });

    it('shows uncommitted changes to their own unit of work only', async () => {
      const added = placed();
      const { id } = added.next;
      await context.unitOfWork.run(async () => {
        await orders.add(added);
        await orders.update(id, reserve);
        await orders.update(id, cancel);
        expect(await read(id)).toMatchObject({ status: 'cancelled', version: 3 });
        expect(await context.told(id)).toEqual([]);
      });
      expect(await read(id)).toMatchObject({ status: 'cancelled', version: 3 });
      expect(await context.told(id)).toEqual([
        'orders.order-placed 1',
        'orders.order-payment-due 2',
        'orders.order-cancelled 3',
      ]);
    });

    describe('updates orders that are due', () => {
      const expire = (now: Date) => (order: Order) => order.expire(now);

      it('the longest overdue first, up to the limit', async () => {
        const [third, first, second] = [
          await add({ dueAt: due(3) }),
          await add({ dueAt: due(1) }),
          await add({ dueAt: due(2) }),
        ];
        const updated = await orders.updateDue(due(3), 2, expire(due(3)));
        expect(updated.map(({ id }) => id)).toEqual([first.id, second.id]);
        expect(updated.map((order) => order.snapshot().status)).toEqual(['cancelled', 'cancelled']);
        expect(await read(third.id)).toEqual(third.snapshot());
      });

      it('but neither those that are not yet due nor settled ones', async () => {
        const [later, settled] = [await add({ dueAt: due(9) }), await add()];
        await orders.update(settled.id, cancel);
        expect(await orders.updateDue(due(8), 10, expire(due(8)))).toEqual([]);
        expect(await read(later.id)).toEqual(later.snapshot());
      });

      it('and skips those that are being updated', async () => {
        const [held, free] = [await add(), await add()];
        const [begun, over] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
        const holding = context.unitOfWork.run(async () => {
          await orders.update(held.id, reserve);
          begun.resolve();
          await over.promise;
        });
        await begun.promise;
        const updated = await orders.updateDue(due(), 10, expire(due()));
        over.resolve();
        await holding;
        expect(updated.map(({ id }) => id)).toEqual([free.id]);
        expect(await read(held.id)).toMatchObject({ status: 'awaiting-payment' });
      });

      it('once, even under concurrent requests', async () => {
        const ids: string[] = [];
        while (ids.length < 12) ids.push((await add()).id);
        const batches = await Promise.all([1, 2, 3].map(() => orders.updateDue(due(), 100, expire(due()))));
        expect(
          batches
            .flat()
            .map(({ id }) => id)
            .sort(),
        ).toEqual(ids.sort());
        for (const id of ids) expect(await context.told(id)).toHaveLength(2);
      });
    });

    it('lists orders newest first, by customer and status, page by page', async () => {
      const customerId = randomUUID();
      const [first, second, third] = [
        await add({ customerId }),
        await add({ customerId }),
        await add({ customerId }),
      ];
      await orders.update(second.id, cancel);
      const ids = async (filter: object) =>
        (await orders.list({ customerId, limit: 10, ...filter })).map(({ id }) => id);
      expect(await ids({})).toEqual([third.id, second.id, first.id]);
      expect(await ids({ limit: 2 })).toEqual([third.id, second.id]);
      expect(await ids({ after: second.id })).toEqual([first.id]);
      expect(await ids({ status: 'placed' })).toEqual([third.id, first.id]);
      expect(await ids({ customerId: randomUUID() })).toEqual([]);
      const [listed] = await orders.list({ customerId, limit: 1 });
      expect(listed?.snapshot()).toEqual(third.snapshot());
    });
  });
}
