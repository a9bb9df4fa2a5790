import { randomUUID } from 'node:crypto';
import { Money } from '@atlas/kernel';
import type { UnitOfWork } from '@atlas/ports/adapters';
import type { Ledger, PaymentRepository } from '../src/application/ports';
import { Payment } from '../src/domain/payment';
import { PRICE } from './builders';

/** An adapter of {@link PaymentRepository} with its {@link Ledger}, and what they are tested with. */
export interface PaymentsUnderTest {
  readonly payments: PaymentRepository;
  readonly ledger: Ledger;
  readonly unitOfWork: UnitOfWork;
  /** The payment's committed events, each with its version. */
  told(orderId: string): Promise<readonly string[]> | readonly string[];
  stop(): Promise<void>;
}

const LEASE_MS = 60_000;

export function paymentRepositoryContract(name: string, start: () => Promise<PaymentsUnderTest>): void {
  describe(`The payment repository, ${name}`, () => {
    let context: PaymentsUnderTest;
    let payments: PaymentRepository;
    // Payments of the cases before are due later; all are due so late that no job of a running context touches them.
    let year = 2200;

    beforeAll(async () => {
      context = await start();
      ({ payments } = context);
    });
    beforeEach(() => (year -= 1));
    afterAll(() => context?.stop());

    const due = (seconds = 0) => new Date(Date.UTC(year, 0, 1, 0, 0, seconds));
    const requested = (at = due(), id = randomUUID()) =>
      Payment.request({ id, amount: Money.of(PRICE), paymentToken: 'tok_approve', at });
    const add = async (at?: Date) => {
      const change = requested(at);
      await payments.add(change);
      return change.next;
    };
    const read = async (id: string) => (await payments.get(id))?.snapshot();
    /** Minor units that the provider holds for us, by the ledger. */
    const held = async () => {
      const balances = await context.ledger.balances();
      return balances.find(({ account }) => account === 'provider-clearing')?.balance.minorUnits ?? 0;
    };
    const charged = (payment: Payment) => payment.charged(`ch_${payment.id}`, due());
    const refunded = (payment: Payment) => payment.refunded(`re_${payment.id}`, due());
    const cancel = (payment: Payment) => payment.cancel(due());
    const claim = (payment: Payment) => payment.claim(due(9), LEASE_MS);

    it('gives back a payment as it was added', async () => {
      const payment = await add();
      expect(await read(payment.id)).toEqual(payment.snapshot());
      expect(await context.told(payment.id)).toEqual([]);
    });

    it('adds a payment once', async () => {
      const change = requested();
      await payments.add(change);
      await expect(payments.add(change)).rejects.toThrow();
      expect(await read(change.next.id)).toEqual(change.next.snapshot());
    });

    it('has no payment that was never added', async () => {
      const change = jest.fn(charged);
      expect(await payments.get(randomUUID())).toBeUndefined();
      expect(await payments.update(randomUUID(), change)).toBeUndefined();
      expect(await payments.updateAll([randomUUID()], change)).toEqual([]);
      expect(change).not.toHaveBeenCalled();
    });

    it('gives back several payments in the order asked for, without those that do not exist', async () => {
      const [first, second] = [await add(), await add()];
      const found = await payments.getAll([second.id, randomUUID(), 'no id of ours', first.id]);
      expect(found.map((payment) => payment.snapshot())).toEqual([second.snapshot(), first.snapshot()]);
    });

    it('saves a change with its event and its bookings', async () => {
      const [{ id }, before] = [await add(), await held()];
      const captured = await payments.update(id, charged);
      expect(captured?.snapshot()).toMatchObject({ status: 'captured', chargeId: `ch_${id}`, version: 1 });
      expect(await read(id)).toEqual(captured?.snapshot());
      expect((await held()) - before).toBe(PRICE);
      await payments.update(id, refunded);
      expect(await context.told(id)).toEqual(['payments.payment-captured 1', 'payments.payment-refunded 2']);
      expect(await held()).toBe(before);
    });

    it('balances its ledger', async () => {
      await payments.update((await add()).id, charged);
      const balances = await context.ledger.balances();
      expect(balances.map(({ account }) => account)).toEqual(['provider-clearing', 'sales']);
      expect(balances.reduce((sum, { balance }) => sum + balance.minorUnits, 0)).toBe(0);
    });

    it('updates several payments at once, and leaves out those that do not exist', async () => {
      const [first, second] = [await add(), await add()];
      const updated = await payments.updateAll([second.id, randomUUID(), first.id], charged);
      expect(updated.map(({ id }) => id)).toEqual([second.id, first.id]);
      for (const { id } of [first, second]) expect(await read(id)).toMatchObject({ status: 'captured' });
    });

    it('lets parallel updates of a payment take turns, and books each step once', async () => {
      const [{ id }, before] = [await add(), await held()];
      await Promise.all([charged, charged, charged, cancel].map((change) => payments.update(id, change)));
      expect((await held()) - before).toBe((await read(id))?.chargeId === undefined ? 0 : PRICE);
      expect(await context.told(id)).toHaveLength((await read(id))!.version);
    });

    it('keeps nothing of a unit of work that fails: no payment, no event, no booking', async () => {
      const [before, heldBefore] = [await add(), await held()];
      const added = requested();
      const unit = context.unitOfWork.run(async () => {
        await payments.add(added);
        await payments.update(before.id, charged);
        throw new Error('the unit fails');
      });
      await expect(unit).rejects.toThrow('the unit fails');
      expect(await read(added.next.id)).toBeUndefined();
      expect(await read(before.id)).toEqual(before.snapshot());
      expect(await context.told(before.id)).toEqual([]);
      expect(await held()).toBe(heldBefore);
    });

    it('shows a unit of work its own changes', async () => {
      const added = requested();
      await context.unitOfWork.run(async () => {
        await payments.add(added);
        await payments.update(added.next.id, charged);
        expect(await read(added.next.id)).toMatchObject({ status: 'captured' });
      });
      expect(await context.told(added.next.id)).toEqual(['payments.payment-captured 1']);
    });

    describe('claims payments that are due', () => {
      it('the longest due first, at most as many as asked for', async () => {
        const [third, first, second] = [await add(due(3)), await add(due(1)), await add(due(2))];
        const claimed = await payments.updateDue(due(9), 2, claim);
        expect(claimed.map(({ id }) => id)).toEqual([first.id, second.id]);
        expect(claimed[0]?.snapshot()).toMatchObject({ attempts: 1, dueAt: due(9 + LEASE_MS / 1_000) });
        expect(await read(third.id)).toEqual(third.snapshot());
      });

      it('and neither those that are not due yet nor those that are settled', async () => {
        const [later, settled] = [await add(due(10)), await add()];
        await payments.update(settled.id, charged);
        expect(await payments.updateDue(due(9), 10, claim)).toEqual([]);
        expect(await read(later.id)).toEqual(later.snapshot());
      });

      it('and leaves out those that are being updated', async () => {
        const [busy, free] = [await add(), await add()];
        const [begun, over] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
        const holding = context.unitOfWork.run(async () => {
          await payments.update(busy.id, charged);
          begun.resolve();
          await over.promise;
        });
        await begun.promise;
        const claimed = await payments.updateDue(due(9), 10, claim);
        over.resolve();
        await holding;
        expect(claimed.map(({ id }) => id)).toEqual([free.id]);
        expect(await read(busy.id)).toMatchObject({ status: 'captured', attempts: 0 });
      });

      it('once, however many ask at the same time', async () => {
        const ids: string[] = [];
        while (ids.length < 12) ids.push((await add()).id);
        const claims = await Promise.all([1, 2, 3].map(() => payments.updateDue(due(9), 100, claim)));
        const claimed = claims.flat().map(({ id }) => id);
        expect(claimed.sort()).toEqual(ids.sort());
        for (const id of ids) expect(await read(id)).toMatchObject({ attempts: 1 });
      });
    });
  });
}
