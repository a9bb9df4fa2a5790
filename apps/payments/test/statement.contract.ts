import { randomUUID } from 'node:crypto';
import { Money } from '@atlas/kernel';
import type { PaymentRepository, Statement } from '../src/application/ports';
import { Payment } from '../src/domain/payment';
import type { StatementLine } from '../src/domain/statement';
import { PRICE } from './builders';

/** An adapter of {@link Statement} and the payments that it is compared with. */
export interface StatementUnderTest {
  readonly statement: Statement;
  readonly payments: PaymentRepository;
  stop(): Promise<void>;
}

const at = new Date('2026-01-01T10:00:00Z');
const later = new Date('2026-01-01T11:00:00Z');

export function statementContract(name: string, start: () => Promise<StatementUnderTest>): void {
  describe(`The statement, ${name}`, () => {
    let context: StatementUnderTest;
    let statement: Statement;
    let payments: PaymentRepository;

    beforeAll(async () => {
      context = await start();
      ({ statement, payments } = context);
    });
    afterAll(() => context?.stop());

    const charge = (more: Partial<StatementLine> = {}): StatementLine => {
      const id = `ch_${randomUUID()}`;
      return {
        id,
        kind: 'charge',
        chargeId: id,
        reference: randomUUID(),
        amount: Money.of(PRICE),
        at,
        ...more,
      };
    };
    const refundOf = ({ chargeId, reference, amount }: StatementLine): StatementLine => ({
      ...{ id: `re_${randomUUID()}`, kind: 'refund', at: later },
      ...{ chargeId, reference, amount },
    });
    const append = (lines: readonly StatementLine[], unmatched: readonly StatementLine[] = []) =>
      statement.append(
        { lines, next: randomUUID() },
        unmatched.map(({ id }) => id),
      );
    /** A payment that was captured and, if `isRefunded`, refunded at `later`. */
    const paid = async ({ id, amount, chargeId }: { id: string; amount: Money; chargeId: string }) => {
      await payments.add(Payment.request({ id, amount, paymentToken: 'tok_approve', at }));
      await payments.update(id, (payment) => payment.charged(chargeId, at));
    };
    const unmatched = async (...ids: readonly string[]) =>
      (await statement.unmatchedCharges()).filter(({ id }) => ids.includes(id));

    it('says how far it was read', async () => {
      expect(await statement.position()).toBeUndefined();
      await statement.append({ lines: [charge()], next: 'page 1' }, []);
      expect(await statement.position()).toBe('page 1');
      await statement.append({ lines: [], next: 'page 2' }, []);
      expect(await statement.position()).toBe('page 2');
    });

    it('lists the charges that were unmatched when they were read, oldest first', async () => {
      const [young, old, matched] = [charge({ at: later }), charge({ amount: Money.of(1, 'USD') }), charge()];
      await append([young, matched], [young]);
      await append([old], [old]);
      expect(await unmatched(young.id, old.id, matched.id)).toEqual([old, young]);
    });

    it('lists no charge that was refunded, on the same page or later', async () => {
      const [early, late, other] = [charge(), charge(), charge()];
      await append([early, refundOf(early), late, other], [early, late, other]);
      expect(await unmatched(early.id, late.id, other.id)).toHaveLength(2);
      await append([refundOf(late)]);
      expect(await unmatched(early.id, late.id, other.id)).toEqual([other]);
    });

    it('keeps a line as it was first read', async () => {
      const [line, other] = [charge(), charge()];
      await append([line, other], [line]);
      await append([{ ...line, amount: Money.of(1) }, other], [other]);
      expect(await unmatched(line.id, other.id)).toEqual([line]);
    });

    it('takes references that are no payment ids', async () => {
      const line = charge({ reference: "shop's own; DROP TABLE" });
      await append([line], [line]);
      expect(await unmatched(line.id)).toEqual([line]);
    });

    describe('names what our books have and the provider lacks:', () => {
      const missing = async (before: Date, ...ids: readonly string[]) =>
        (await statement.missing(before, 1_000)).filter(({ paymentId }) => ids.includes(paymentId));

      it('the charge of a payment, until it is read', async () => {
        const line = charge();
        const { reference: id, chargeId, amount } = line;
        await paid({ id, amount, chargeId });
        expect(await missing(later, id)).toEqual([{ kind: 'charge', id: chargeId, paymentId: id }]);
        await append([line]);
        expect(await missing(later, id)).toEqual([]);
      });

      it('its refund, too', async () => {
        const line = charge();
        const { reference: id, chargeId, amount } = line;
        await paid({ id, amount, chargeId });
        const refund = refundOf(line);
        await payments.update(id, (payment) => payment.refunded(refund.id, at));
        await append([line]);
        expect(await missing(later, id)).toEqual([{ kind: 'refund', id: refund.id, paymentId: id }]);
        await append([refund]);
        expect(await missing(later, id)).toEqual([]);
      });

      it('but nothing of a payment that has changed since, nor of one that holds no charge', async () => {
        const [id, pending] = [randomUUID(), randomUUID()];
        await paid({ id, amount: Money.of(PRICE), chargeId: `ch_${id}` });
        await payments.add(
          Payment.request({ id: pending, amount: Money.of(1), paymentToken: 't', at: later }),
        );
        expect(await missing(at, id, pending)).toEqual([]);
        expect(await missing(new Date(at.getTime() + 1), id, pending)).toHaveLength(1);
      });

      it('as many as asked for', async () => {
        for (const id of [randomUUID(), randomUUID()]) {
          await paid({ id, amount: Money.of(PRICE), chargeId: `ch_${id}` });
        }
        expect(await statement.missing(later, 2)).toHaveLength(2);
        expect(await statement.missing(later, 1)).toHaveLength(1);
      });
    });
  });
}
