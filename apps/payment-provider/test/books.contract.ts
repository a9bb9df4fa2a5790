import { randomUUID } from 'node:crypto';
import { Money } from '@atlas/kernel';
import { eventually } from '@atlas/testing';
import type { Books } from '../src/application/ports';
import type { BookEntry, Charge } from '../src/domain/charge';

/** An adapter of {@link Books}. */
export interface BooksUnderTest {
  readonly books: Books;
  stop(): Promise<void>;
}

const at = new Date('2026-01-01T10:00:00Z');
const later = new Date('2026-01-01T11:00:00Z');

export function booksContract(name: string, start: () => Promise<BooksUnderTest>): void {
  describe(`The provider's books, ${name}`, () => {
    let context: BooksUnderTest;
    let books: Books;

    beforeAll(async () => {
      context = await start();
      ({ books } = context);
    });
    afterAll(() => context?.stop());

    const charge = (more: Partial<Charge> = {}): Charge => ({
      id: `ch_${randomUUID()}`,
      reference: randomUUID(),
      amount: Money.of(487),
      source: 'tok_approve',
      declined: undefined,
      createdAt: at,
      ...more,
    });
    const added = async (more?: Partial<Charge>): Promise<Charge> => {
      const made = charge(more);
      expect(await books.addCharge(randomUUID(), made)).toEqual({ kind: 'created', value: made });
      return made;
    };
    const refundOf = ({ id: chargeId }: Pick<Charge, 'id'>) => ({
      id: `re_${randomUUID()}`,
      chargeId,
      createdAt: later,
    });
    /** The entries of these references, once those of a last charge are visible. */
    const entriesOf = async (...references: readonly string[]): Promise<readonly BookEntry[]> => {
      const marker = await added();
      return eventually(async () => {
        const all: BookEntry[] = [];
        for (let after: string | undefined; ;) {
          const { entries, next } = await books.listEntries(after, 3);
          if (entries.length === 0) break;
          all.push(...entries);
          after = next;
        }
        const isComplete = all.some(({ id }) => id === marker.id);
        return isComplete && all.filter(({ reference }) => references.includes(reference));
      });
    };

    it('keep a charge, which is found by its id and by its reference', async () => {
      const made = await added({ amount: Money.of(100, 'USD') });
      expect(await books.getCharge(made.id)).toEqual(made);
      expect(await books.listCharges(made.reference)).toEqual([made]);
      expect(await books.getCharge('ch_none')).toBeUndefined();
      expect(await books.listCharges('none')).toEqual([]);
    });

    it('list the charges of a reference, oldest first', async () => {
      const reference = randomUUID();
      const [young, old] = [await added({ reference, createdAt: later }), await added({ reference })];
      expect(await books.listCharges(reference)).toEqual([old, young]);
    });

    it('create one charge for a key: the same request gets it again, another is refused', async () => {
      const [key, made] = [randomUUID(), charge()];
      expect(await books.addCharge(key, made)).toEqual({ kind: 'created', value: made });
      const again = charge({ reference: made.reference, createdAt: later });
      expect(await books.addCharge(key, again)).toEqual({ kind: 'replayed', value: made });
      for (const other of [
        { ...again, reference: 'another' },
        { ...again, amount: Money.of(488) },
        { ...again, amount: Money.of(487, 'USD') },
        { ...again, source: 'tok_decline' },
      ]) {
        expect(await books.addCharge(key, other)).toEqual({ kind: 'key-reused' });
      }
      expect(await books.listCharges(made.reference)).toEqual([made]);
    });

    it('create one charge for a key, however many requests come at once', async () => {
      const [key, reference] = [randomUUID(), randomUUID()];
      const results = await Promise.all(
        Array.from({ length: 10 }, () => books.addCharge(key, charge({ reference }))),
      );
      expect(results.filter(({ kind }) => kind === 'created')).toHaveLength(1);
      expect(results.every(({ kind }) => ['created', 'replayed', 'in-progress'].includes(kind))).toBe(true);
      expect(await books.listCharges(reference)).toHaveLength(1);
    });

    it('enter a charge that took money, and none that was declined', async () => {
      const [taken, declined] = [await added(), await added({ declined: 'insufficient funds' })];
      const { id, reference, amount } = taken;
      expect(await books.getCharge(declined.id)).toEqual(declined);
      expect(await entriesOf(reference, declined.reference)).toEqual([
        { id, kind: 'charge', chargeId: id, reference, amount, at },
      ]);
    });

    it('refund a whole charge, and enter that behind it', async () => {
      const made = await added();
      const request = refundOf(made);
      const refund = { ...request, amount: made.amount };
      expect(await books.addRefund(randomUUID(), request)).toEqual({ kind: 'created', value: refund });
      expect(await books.getCharge(made.id)).toEqual({ ...made, refund });
      const { id, reference, amount } = made;
      expect(await entriesOf(reference)).toEqual([
        { id, kind: 'charge', chargeId: id, reference, amount, at },
        { id: refund.id, kind: 'refund', chargeId: id, reference, amount, at: later },
      ]);
    });

    it('refund a charge once: the same request gets the refund again, others are refused', async () => {
      const [made, other, key] = [await added(), await added(), randomUUID()];
      const first = await books.addRefund(key, refundOf(made));
      const value = { ...refundOf(made), id: expect.any(String), amount: made.amount };
      expect(first).toEqual({ kind: 'created', value });
      const known = (first as { value: object }).value;
      expect(await books.addRefund(key, refundOf(made))).toEqual({ kind: 'replayed', value: known });
      expect(await books.addRefund(randomUUID(), refundOf(made))).toEqual({
        kind: 'already-refunded',
        value: known,
      });
      expect(await books.addRefund(key, refundOf(other))).toEqual({ kind: 'key-reused' });
      expect(await books.getCharge(other.id)).toEqual(other);
    });

    it('look at the refund of the key first, if the charge has another', async () => {
      const [one, other, key] = [await added(), await added(), randomUUID()];
      await books.addRefund(key, refundOf(one));
      await books.addRefund(randomUUID(), refundOf(other));
      expect(await books.addRefund(key, refundOf(other))).toEqual({ kind: 'key-reused' });
    });

    it('refund a charge once, however many requests come at once', async () => {
      const made = await added();
      const results = await Promise.all(
        Array.from({ length: 10 }, () => books.addRefund(randomUUID(), refundOf(made))),
      );
      expect(results.filter(({ kind }) => kind === 'created')).toHaveLength(1);
      expect(results.every(({ kind }) => ['created', 'already-refunded', 'in-progress'].includes(kind))).toBe(
        true,
      );
    });

    it('refund no charge that was declined or never made', async () => {
      const declined = await added({ declined: 'insufficient funds' });
      for (const id of [declined.id, 'ch_none']) {
        expect(await books.addRefund(randomUUID(), refundOf({ id }))).toEqual({ kind: 'no-such-charge' });
      }
      expect(await books.getCharge(declined.id)).toEqual(declined);
    });

    it('say where to read on, also at their end', async () => {
      const made = [await added(), await added()];
      await entriesOf();
      const { next } = await books.listEntries(undefined, 1_000);
      expect(await books.listEntries(next, 1_000)).toEqual({ entries: [], next });
      await added({ reference: made[0]!.reference });
      const more = await eventually(async () => {
        const page = await books.listEntries(next, 1_000);
        return page.entries.length > 0 && page.entries;
      });
      expect(more.map(({ reference }) => reference)).toEqual([made[0]!.reference]);
    });
  });
}
