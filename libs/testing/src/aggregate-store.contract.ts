import { randomUUID } from 'node:crypto';
import type { NewEvent } from '@atlas/events';
import { type Change, changed, unchanged } from '@atlas/kernel';
import { type Aggregates, publishedAs, runInFlow, type UnitOfWork } from '@atlas/ports/adapters';
import { eventually } from './eventually';
import { BookLent, BookReturned, LoanRenewed } from './lending';

export type LoanEvent = 'lent' | 'renewed' | 'returned';

/** A loan of books by a library: the aggregate of this contract. */
export class Loan {
  constructor(
    readonly id: string,
    readonly weeks: number,
    readonly books: readonly string[],
    readonly dueAt: Date | undefined,
    readonly version: number,
  ) {}

  static lend({ id = randomUUID(), dueAt }: { id?: string; dueAt?: Date } = {}): Change<Loan, LoanEvent> {
    return changed(new Loan(id, 4, ['Middlemarch', 'Emma'], dueAt, 1), 'lent');
  }

  renew(weeks: number): Change<Loan, LoanEvent> {
    return changed(
      new Loan(this.id, this.weeks + weeks, this.books, this.dueAt, this.version + 1),
      'renewed',
    );
  }

  end(): Change<Loan, LoanEvent> {
    return changed(new Loan(this.id, this.weeks, this.books, undefined, this.version + 1), 'returned');
  }
}

/** The events of a loan in the published language. */
export const publishedLoan = publishedAs(
  (event: LoanEvent, { id: loanId }: Loan): Pick<NewEvent, 'contract' | 'data'> => {
    switch (event) {
      case 'lent':
        return { contract: BookLent, data: { loanId, memberId: 'ada', book: 'Middlemarch' } };
      case 'renewed':
        return { contract: LoanRenewed, data: { loanId, weeks: 1 } };
      case 'returned':
        return { contract: BookReturned, data: { loanId, condition: 'good' } };
    }
  },
);

/** Stores of loans in one process. */
export interface LoansOfProcess {
  readonly unitOfWork: UnitOfWork;
  readonly loans: Aggregates<Loan, LoanEvent>;
  /** The same loans, whose changes take turns. */
  readonly inTurn: Aggregates<Loan, LoanEvent>;
}

export interface LoansUnderTest {
  /** Another process on the same data. */
  process(): Promise<LoansOfProcess>;
  /** How many units of work wait for a lock that another holds. */
  waiting(): Promise<number>;
  /** The committed events of a loan. */
  events(
    loanId: string,
  ): Promise<readonly { readonly aggregateVersion: number; readonly correlationId: string }[]>;
  close(): Promise<void>;
}

/** The contract of stores of aggregates: what is locked, when others wait, and what they see. */
export function aggregateStoreContract(name: string, open: () => Promise<LoansUnderTest>): void {
  describe(`A store of aggregates, ${name}`, () => {
    let context: LoansUnderTest;
    let ours: LoansOfProcess;
    let theirs: LoansOfProcess;
    // Loans of the cases before are due later.
    let year = 2200;

    beforeAll(async () => {
      context = await open();
      ours = await context.process();
      theirs = await context.process();
    });
    beforeEach(() => (year -= 1));
    afterAll(() => context?.close());

    const due = (seconds = 0) => new Date(Date.UTC(year, 0, 1, 0, 0, seconds));
    const lend = async (more?: { id?: string; dueAt?: Date }): Promise<Loan> => {
      const lent = Loan.lend(more);
      await ours.loans.add(lent);
      return lent.next;
    };
    const renew = (loan: Loan) => loan.renew(1);
    const end = (loan: Loan) => loan.end();
    const weeksOf = async (id: string) => (await theirs.loans.get(id))?.weeks;
    const versionsOf = async (id: string) =>
      (await context.events(id)).map(({ aggregateVersion }) => aggregateVersion);

    /** Does `work` in a unit of work of ours, which stays open until it is committed or rolled back. */
    async function holding(work: () => Promise<unknown>) {
      const begun = Promise.withResolvers<void>();
      const told = Promise.withResolvers<void>();
      const unit = ours.unitOfWork.run(async () => {
        await work();
        begun.resolve();
        await told.promise;
      });
      await Promise.race([begun.promise, unit]);
      return {
        commit: () => {
          told.resolve();
          return unit;
        },
        rollBack: () => {
          told.reject(new Error('rolled back'));
          return expect(unit).rejects.toThrow('rolled back');
        },
      };
    }
    /** Whether `work` has to wait for a lock, beside the units of work that already do. */
    async function waits(work: Promise<unknown>, besides = 0): Promise<boolean> {
      let isOver = false;
      const over = work.finally(() => (isOver = true));
      await Promise.race([over, eventually(async () => isOver || (await context.waiting()) > besides)]);
      return !isOver;
    }

    it('returns an aggregate as it was added, and publishes its event', async () => {
      const loan = await lend({ dueAt: due() });
      expect(await theirs.loans.get(loan.id)).toEqual(loan);
      expect(await versionsOf(loan.id)).toEqual([1]);
      expect(await ours.loans.get(randomUUID())).toBeUndefined();
    });

    it('reads several aggregates in the order asked for, some changed in the open unit of work', async () => {
      const [first, second] = [await lend(), await lend()];
      const ids = [second.id, randomUUID(), first.id];
      expect(await ours.loans.getAll(ids)).toEqual([second, first]);
      expect(await ours.loans.getAll([])).toEqual([]);
      await ours.unitOfWork.run(async () => {
        const renewed = await ours.loans.update(first.id, renew);
        expect(await ours.loans.getAll(ids)).toEqual([second, renewed]);
      });
    });

    it('adds an aggregate once: at once it says so, or at the commit', async () => {
      const lent = Loan.lend();
      const added = await Promise.allSettled([ours.loans.add(lent), theirs.loans.add(lent)]);
      expect(added.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
      await expect(ours.loans.add(lent)).rejects.toThrow();
      const known = ours.unitOfWork.run(async () => {
        await ours.loans.lock([lent.next.id]);
        await ours.loans.add(lent);
      });
      await expect(known).rejects.toThrow(`loan ${lent.next.id} already exists`);
      expect(await versionsOf(lent.next.id)).toEqual([1]);
    });

    it('has no aggregate that was never added, and asks for no change of it', async () => {
      const change = jest.fn(renew);
      expect(await ours.loans.update(randomUUID(), change)).toBeUndefined();
      expect(await ours.loans.updateAll([randomUUID()], change)).toEqual([]);
      expect(await ours.loans.updateAll([], change)).toEqual([]);
      expect(change).not.toHaveBeenCalled();
    });

    it('counts every one of many parallel updates, in all processes', async () => {
      const { id } = await lend();
      await Promise.all(
        Array.from({ length: 20 }, (_, index) => (index % 2 ? ours : theirs).loans.update(id, renew)),
      );
      expect(await weeksOf(id)).toBe(24);
      expect(await versionsOf(id)).toEqual(Array.from({ length: 21 }, (_, index) => index + 1));
    });

    it('lets an update wait for another one, and start from its result', async () => {
      const { id } = await lend();
      const first = await holding(() => ours.loans.update(id, renew));
      const second = theirs.loans.update(id, renew);
      expect(await waits(second)).toBe(true);
      await first.commit();
      expect(await second).toMatchObject({ weeks: 6, version: 3 });
      expect(await versionsOf(id)).toEqual([1, 2, 3]);
    });

    it('lets an update start from what was before another one that was rolled back', async () => {
      const { id } = await lend();
      const first = await holding(() => ours.loans.update(id, renew));
      const second = theirs.loans.update(id, renew);
      expect(await waits(second)).toBe(true);
      await first.rollBack();
      expect(await second).toMatchObject({ weeks: 5, version: 2 });
      expect(await versionsOf(id)).toEqual([1, 2]);
    });

    it('locks an aggregate until its unit of work ends, even if nothing changes', async () => {
      const { id } = await lend();
      const first = await holding(() => ours.loans.update(id, unchanged));
      const second = theirs.loans.update(id, renew);
      expect(await waits(second)).toBe(true);
      await first.commit();
      await second;
      expect(await versionsOf(id)).toEqual([1, 2]);
    });

    it('does not let a reader wait, nor the updates of other aggregates', async () => {
      const [busy, free] = [await lend(), await lend()];
      const unit = await holding(() => ours.loans.update(busy.id, renew));
      expect(await theirs.loans.get(busy.id)).toEqual(busy);
      expect(await waits(theirs.loans.update(free.id, renew))).toBe(false);
      await unit.commit();
    });

    it('locks several aggregates in one order, so that two units of work never wait for each other', async () => {
      const [a, b] = [randomUUID(), randomUUID()].sort() as [string, string];
      for (const id of [b, a]) await lend({ id });
      const first = await holding(() => ours.loans.lock([a]));
      const second = theirs.loans.updateAll([b, a], renew);
      expect(await waits(second)).toBe(true);
      // It waits for a without having locked b.
      expect(await waits(theirs.loans.update(b, renew), 1)).toBe(false);
      await first.commit();
      expect((await second).map(({ id, weeks }) => [id, weeks])).toEqual([
        [b, 6],
        [a, 5],
      ]);
    });

    it('lets the changes of different aggregates take turns, if they are to', async () => {
      const [one, other] = [await lend(), await lend({ dueAt: due() })];
      for (const work of [
        () => theirs.inTurn.update(other.id, renew),
        () => theirs.inTurn.updateDue(due(), 10, renew),
      ]) {
        const first = await holding(() => ours.inTurn.update(one.id, renew));
        const second = work();
        expect(await waits(second)).toBe(true);
        await first.commit();
        await second;
      }
      expect(await weeksOf(other.id)).toBe(6);
    });

    it('shows uncommitted changes to their own unit of work only', async () => {
      const lent = Loan.lend();
      const { id } = lent.next;
      const unit = await holding(async () => {
        await ours.loans.add(lent);
        await ours.loans.update(id, renew);
        await ours.loans.update(id, renew);
        expect(await ours.loans.get(id)).toMatchObject({ weeks: 6, version: 3 });
      });
      expect(await theirs.loans.get(id)).toBeUndefined();
      expect(await versionsOf(id)).toEqual([]);
      await unit.commit();
      expect(await theirs.loans.get(id)).toMatchObject({ weeks: 6, version: 3 });
      expect(await versionsOf(id)).toEqual([1, 2, 3]);
    });

    it('leaves nothing of a unit of work that fails: no aggregate, no change, no event, no lock', async () => {
      const [known, lent] = [await lend(), Loan.lend()];
      const unit = await holding(async () => {
        await ours.loans.add(lent);
        await ours.loans.update(known.id, renew);
      });
      await unit.rollBack();
      expect(await theirs.loans.get(lent.next.id)).toBeUndefined();
      expect(await theirs.loans.get(known.id)).toEqual(known);
      expect(await versionsOf(lent.next.id)).toEqual([]);
      expect(await versionsOf(known.id)).toEqual([1]);
      expect(await waits(theirs.loans.update(known.id, renew))).toBe(false);
      expect(await waits(theirs.loans.add(lent))).toBe(false);
    });

    it('leaves nothing of the updates before one that throws', async () => {
      const [first, second] = [await lend(), await lend()];
      const refused = ours.loans.updateAll([first.id, second.id], (loan) => {
        if (loan.id === second.id) throw new Error('refused');
        return loan.renew(1);
      });
      await expect(refused).rejects.toThrow('refused');
      expect(await weeksOf(first.id)).toBe(4);
      expect(await versionsOf(first.id)).toEqual([1]);
    });

    it('returns what it updates in the order asked for, without what does not exist', async () => {
      const [first, second] = [await lend(), await lend()];
      const updated = await ours.loans.updateAll([second.id, randomUUID(), first.id], renew);
      expect(updated.map(({ id, weeks }) => [id, weeks])).toEqual([
        [second.id, 5],
        [first.id, 5],
      ]);
    });

    it('saves only what was locked before, and adds what was locked and did not exist', async () => {
      const loan = await lend();
      const unlocked = ours.unitOfWork.run(() => ours.loans.save(loan.renew(1)));
      await expect(unlocked).rejects.toThrow(`loan ${loan.id} was not locked`);
      const lent = Loan.lend();
      await ours.unitOfWork.run(async () => {
        expect(await ours.loans.lock([lent.next.id])).toEqual([]);
        await ours.loans.save(lent);
      });
      expect(await theirs.loans.get(lent.next.id)).toEqual(lent.next);
      expect(await versionsOf(lent.next.id)).toEqual([1]);
    });

    describe('updates aggregates that are due', () => {
      it('the longest overdue first, up to the limit, and those that are due at this very moment', async () => {
        const third = await lend({ dueAt: due(3) });
        const [first, second] = [await lend({ dueAt: due(1) }), await lend({ dueAt: due(2) })];
        const updated = await ours.loans.updateDue(due(3), 2, end);
        expect(updated.map(({ id }) => id)).toEqual([first.id, second.id]);
        expect((await ours.loans.updateDue(due(3), 2, end)).map(({ id }) => id)).toEqual([third.id]);
        expect(await theirs.loans.get(third.id)).toMatchObject({ version: 2, dueAt: undefined });
      });

      it('but neither those that are not due yet nor those that never are', async () => {
        const [later, never] = [await lend({ dueAt: due(9) }), await lend()];
        expect(await ours.loans.updateDue(due(8), 10, end)).toEqual([]);
        expect(await theirs.loans.get(later.id)).toEqual(later);
        expect(await theirs.loans.get(never.id)).toEqual(never);
        await ours.loans.update(later.id, end);
      });

      it('and skips those that others have locked: they count neither as due nor for the limit', async () => {
        const [busy, free] = [await lend({ dueAt: due(1) }), await lend({ dueAt: due(2) })];
        const unit = await holding(() => ours.loans.lock([busy.id]));
        const updating = theirs.loans.updateDue(due(9), 1, end);
        expect(await waits(updating)).toBe(false);
        expect((await updating).map(({ id }) => id)).toEqual([free.id]);
        await unit.commit();
        expect((await theirs.loans.updateDue(due(9), 1, end)).map(({ id }) => id)).toEqual([busy.id]);
      });

      it('and locks none beyond the limit', async () => {
        const [first, second] = [await lend({ dueAt: due(1) }), await lend({ dueAt: due(2) })];
        const unit = await holding(() => ours.loans.updateDue(due(9), 1, end));
        expect(await waits(theirs.loans.update(second.id, end))).toBe(false);
        await unit.commit();
        expect(await theirs.loans.get(first.id)).toMatchObject({ dueAt: undefined });
      });

      it('and keeps them locked until its unit of work ends', async () => {
        const { id } = await lend({ dueAt: due() });
        const first = await holding(() => ours.loans.updateDue(due(), 1, end));
        const second = theirs.loans.update(id, renew);
        expect(await waits(second)).toBe(true);
        await first.commit();
        expect(await second).toMatchObject({ version: 3, dueAt: undefined });
      });

      it('each once, however many processes look for them at the same time', async () => {
        const ids: string[] = [];
        while (ids.length < 12) ids.push((await lend({ dueAt: due() })).id);
        const batches = await Promise.all(
          [ours, theirs, ours].map(({ loans }) => loans.updateDue(due(), 100, end)),
        );
        expect(
          batches
            .flat()
            .map(({ id }) => id)
            .sort(),
        ).toEqual(ids.sort());
        for (const id of ids) expect(await versionsOf(id)).toEqual([1, 2]);
      });
    });

    it('publishes what a job does as a consequence of the change that made the job necessary', async () => {
      const during = (correlationId: string, work: () => Promise<unknown>) =>
        runInFlow({ correlationId }, work);
      const lent = Loan.lend();
      const { id } = lent.next;
      await during('request-1', () => ours.loans.add(lent));
      await ours.loans.update(id, renew);
      await during('request-2', () => ours.loans.update(id, renew));
      await during('request-3', () => ours.loans.update(id, unchanged));
      await ours.loans.update(id, renew);
      expect((await context.events(id)).map(({ correlationId }) => correlationId)).toEqual([
        'request-1',
        'request-1',
        'request-2',
        'request-2',
      ]);
    });
  });
}
