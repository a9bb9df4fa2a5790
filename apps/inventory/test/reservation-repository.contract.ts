import { randomUUID } from 'node:crypto';
import type { UnitOfWork } from '@atlas/ports/adapters';
import type { ReservationRepository, StockRepository } from '../src/application/ports';
import { Reservation, type ReservationChange } from '../src/domain/reservation';
import { ReservationLine } from '../src/domain/reservation-line';
import type { Stock } from '../src/domain/stock';

/** An adapter of {@link ReservationRepository} and its test support. */
export interface ReservationsUnderTest {
  readonly reservations: ReservationRepository;
  readonly stock: StockRepository;
  readonly unitOfWork: UnitOfWork;
  /** The reservation's committed events, each with its version. */
  told(orderId: string): Promise<readonly string[]> | readonly string[];
  stop(): Promise<void>;
}

const at = new Date('2026-01-01T10:00:00Z');

export function reservationRepositoryContract(
  name: string,
  start: () => Promise<ReservationsUnderTest>,
): void {
  describe(`The reservation repository, ${name}`, () => {
    let context: ReservationsUnderTest;
    let reservations: ReservationRepository;
    let sku: string;
    // Earlier cases' reservations expire later; all expire so late that no running job touches them.
    let year = 2200;

    beforeAll(async () => {
      context = await start();
      ({ reservations } = context);
    });
    beforeEach(async () => {
      year -= 1;
      sku = `sku-${randomUUID()}`;
      await context.stock.update([sku], (stock) => stock.setAvailable([{ sku, available: 5 }]));
    });
    afterAll(() => context?.stop());

    const due = (seconds = 0) => new Date(Date.UTC(year, 0, 1, 0, 0, seconds));
    const add = async (
      quantity = 1,
      { id = randomUUID(), expiresAt = due() }: { id?: string; expiresAt?: Date } = {},
    ) => {
      const lines = [new ReservationLine(sku, quantity)];
      await reservations.add([sku], (stock) => Reservation.request({ id, lines, at, expiresAt }, stock));
      return id;
    };
    const read = async (id: string) => (await reservations.get(id))?.snapshot();
    const levels = async () => (await context.stock.get(sku))?.levels;
    const commit = (reservation: Reservation, stock: Stock): ReservationChange =>
      reservation.commit(stock, at);
    const release = (reservation: Reservation, stock: Stock): ReservationChange =>
      reservation.release(stock, at);

    it('saves a reservation with the stock that it moves, and publishes its event', async () => {
      const id = await add(2);
      expect(await read(id)).toEqual({
        id,
        status: 'reserved',
        lines: [new ReservationLine(sku, 2)],
        shortages: [],
        version: 1,
        requestedAt: at,
        expiresAt: due(),
        changedAt: at,
      });
      expect(await levels()).toEqual({ received: 5, available: 3, reserved: 2, sold: 0 });
      expect(await context.told(id)).toEqual(['inventory.stock-reserved 1']);
    });

    it('saves a rejected reservation, which moves no stock', async () => {
      const id = await add(6);
      expect(await read(id)).toMatchObject({
        status: 'rejected',
        shortages: [{ sku, requested: 6, available: 5 }],
      });
      expect(await levels()).toEqual({ received: 5, available: 5, reserved: 0, sold: 0 });
      expect(await context.told(id)).toEqual(['inventory.stock-rejected 1']);
    });

    it('adds a reservation once, even under concurrent requests', async () => {
      const id = randomUUID();
      const outcomes = await Promise.allSettled([add(1, { id }), add(1, { id })]);
      expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
      await expect(add(1, { id })).rejects.toThrow();
      expect(await levels()).toMatchObject({ available: 4, reserved: 1 });
      expect(await context.told(id)).toEqual(['inventory.stock-reserved 1']);
    });

    it('returns undefined for an unknown reservation', async () => {
      const change = jest.fn(commit);
      expect(await reservations.get(randomUUID())).toBeUndefined();
      expect(await reservations.update(randomUUID(), change)).toBeUndefined();
      expect(change).not.toHaveBeenCalled();
    });

    it('saves a change with the stock that it moves and its event', async () => {
      const id = await add(2);
      const updated = await reservations.update(id, commit);
      expect(updated?.snapshot()).toMatchObject({ status: 'committed', version: 2 });
      expect(await read(id)).toEqual(updated?.snapshot());
      expect(await levels()).toEqual({ received: 5, available: 3, reserved: 0, sold: 2 });
      expect(await context.told(id)).toEqual(['inventory.stock-reserved 1', 'inventory.stock-committed 2']);
    });

    it('serializes concurrent reservations, and reserves no unit twice', async () => {
      const ids = await Promise.all(Array.from({ length: 12 }, () => add()));
      const statuses = await Promise.all(ids.map(async (id) => (await read(id))?.status));
      expect(statuses.filter((status) => status === 'reserved')).toHaveLength(5);
      expect(statuses.filter((status) => status === 'rejected')).toHaveLength(7);
      expect(await levels()).toEqual({ received: 5, available: 0, reserved: 5, sold: 0 });
    });

    it('serializes concurrent changes of a reservation, and loses none', async () => {
      const id = await add();
      await Promise.all([commit, release, commit, release].map((change) => reservations.update(id, change)));
      const { status, version } = (await read(id))!;
      expect(status).toBe('released');
      expect(await context.told(id)).toHaveLength(version);
      expect(await levels()).toEqual({ received: 5, available: 5, reserved: 0, sold: 0 });
    });

    it('rolls back reservations and stock when the unit of work fails', async () => {
      const before = await add();
      const added = randomUUID();
      const unit = context.unitOfWork.run(async () => {
        await add(1, { id: added });
        await reservations.update(before, commit);
        throw new Error('the unit fails');
      });
      await expect(unit).rejects.toThrow('the unit fails');
      expect(await read(added)).toBeUndefined();
      expect(await read(before)).toMatchObject({ status: 'reserved', version: 1 });
      expect(await levels()).toEqual({ received: 5, available: 4, reserved: 1, sold: 0 });
      expect(await context.told(added)).toEqual([]);
      expect(await context.told(before)).toEqual(['inventory.stock-reserved 1']);
    });

    it('shows a unit of work its own changes', async () => {
      await context.unitOfWork.run(async () => {
        const id = await add(4);
        expect(await read(id)).toMatchObject({ status: 'reserved' });
        const second = await add(4);
        expect(await read(second)).toMatchObject({
          status: 'rejected',
          shortages: [{ sku, requested: 4, available: 1 }],
        });
        await reservations.update(id, release);
        await add(4);
      });
      expect(await levels()).toEqual({ received: 5, available: 1, reserved: 4, sold: 0 });
    });

    describe('updates reservations that are due', () => {
      const expire = (now: Date) => (reservation: Reservation, stock: Stock) =>
        reservation.expire(stock, now);

      it('the longest overdue first, up to the limit, with their stock', async () => {
        const third = await add(1, { expiresAt: due(3) });
        const first = await add(1, { expiresAt: due(1) });
        const second = await add(1, { expiresAt: due(2) });
        const updated = await reservations.updateDue(due(3), 2, expire(due(3)));
        expect(updated.map(({ id }) => id)).toEqual([first, second]);
        expect(await read(third)).toMatchObject({ status: 'reserved' });
        expect(await levels()).toEqual({ received: 5, available: 4, reserved: 1, sold: 0 });
      });

      it('but neither those that are not yet due nor settled ones', async () => {
        const later = await add(1, { expiresAt: due(9) });
        await reservations.update(await add(), commit);
        expect(await reservations.updateDue(due(8), 10, expire(due(8)))).toEqual([]);
        expect(await read(later)).toMatchObject({ status: 'reserved' });
      });

      it('once, even under concurrent requests', async () => {
        const ids = [await add(), await add(), await add(), await add()];
        const batches = await Promise.all(
          [1, 2, 3].map(() => reservations.updateDue(due(), 100, expire(due()))),
        );
        const updated = batches.flat().map(({ id }) => id);
        expect(updated.sort()).toEqual(ids.sort());
        expect(await levels()).toEqual({ received: 5, available: 5, reserved: 0, sold: 0 });
      });
    });
  });
}
