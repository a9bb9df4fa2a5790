import { randomUUID } from 'node:crypto';
import { Money } from '@atlas/kernel';
import { eventually } from '@atlas/testing';
import type { PaymentProvider, ProviderBooks } from '../src/application/ports';
import type { StatementLine } from '../src/domain/statement';
import { PRICE } from './builders';

/** Adapters of {@link PaymentProvider} and {@link ProviderBooks} to the same provider. */
export interface ProviderUnderTest {
  readonly provider: PaymentProvider;
  readonly books: ProviderBooks;
  stop(): Promise<void>;
}

export function paymentProviderContract(name: string, start: () => Promise<ProviderUnderTest>): void {
  describe(`The payment provider, ${name}`, () => {
    let context: ProviderUnderTest;
    let provider: PaymentProvider;

    beforeAll(async () => {
      context = await start();
      ({ provider } = context);
    });
    afterAll(() => context?.stop());

    const price = Money.of(PRICE);
    const charge = async (id: string) => {
      const outcome = await provider.charge(id, price, 'tok_approve');
      if (outcome.kind !== 'approved') throw new Error(`The charge is ${outcome.kind}`);
      return outcome.chargeId;
    };
    /** The movements of a payment, once `count` of them are in the books. */
    const movements = (paymentId: string, count: number) =>
      eventually(async () => {
        const found: StatementLine[] = [];
        for (let after: string | undefined; ;) {
          const { lines, next } = await context.books.read(after);
          if (lines.length === 0) return found.length >= count && found;
          found.push(...lines.filter(({ reference }) => reference === paymentId));
          after = next;
        }
      });

    it('charges a payment once, however often it is asked to', async () => {
      const id = randomUUID();
      const chargeId = await charge(id);
      expect(await charge(id)).toBe(chargeId);
      expect(await provider.lookup(id)).toEqual({ kind: 'approved', chargeId });
      expect(await movements(id, 1)).toEqual([
        { id: chargeId, kind: 'charge', chargeId, reference: id, amount: price, at: expect.any(Date) },
      ]);
    });

    it('declines, for good', async () => {
      const id = randomUUID();
      const declined = { kind: 'declined', reason: 'insufficient funds' };
      expect(await provider.charge(id, price, 'tok_decline')).toEqual(declined);
      expect(await provider.charge(id, price, 'tok_decline')).toEqual(declined);
      expect(await provider.lookup(id)).toEqual(declined);
      expect(await provider.charge(randomUUID(), price, 'tok_new')).toEqual({
        kind: 'declined',
        reason: 'there is no token "tok_new"',
      });
    });

    it('has no charge on record for a payment that it was never asked to charge', async () => {
      expect(await provider.lookup(randomUUID())).toEqual({ kind: 'not-charged' });
    });

    it('may leave a charge without an answer, and has none on record then', async () => {
      const id = randomUUID();
      expect(await provider.charge(id, price, 'tok_timeout')).toEqual({ kind: 'unknown' });
      expect(await provider.lookup(id)).toEqual({ kind: 'not-charged' });
    });

    it('refunds a charge once, by whatever key', async () => {
      const id = randomUUID();
      const chargeId = await charge(id);
      const refund = await provider.refund(`${id}:refund`, chargeId, price);
      expect(refund).toEqual({ kind: 'refunded', refundId: expect.any(String) });
      expect(await provider.refund(`${id}:refund`, chargeId, price)).toEqual(refund);
      expect(await provider.refund(`${id}:again`, chargeId, price)).toEqual(refund);
      expect((await movements(id, 2)).map(({ kind }) => kind)).toEqual(['charge', 'refund']);
      expect(await provider.lookup(id)).toEqual({ kind: 'approved', chargeId });
    });

    it('refuses to refund a charge that does not exist', async () => {
      expect(await provider.refund(randomUUID(), 'ch_none', price)).toMatchObject({ kind: 'declined' });
    });

    it('takes calls', () => {
      expect(provider.capacity()).toBe(Infinity);
    });
  });
}
