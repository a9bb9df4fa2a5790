import { Money } from '@atlas/kernel';
import { MemoryContext } from '@atlas/testing';
import { MemoryLedger } from '../../adapters/driven/memory/ledger.repository';
import { MemoryPaymentRepository } from '../../adapters/driven/memory/payments.repository';
import { MemoryPaymentProvider, MemoryProviderBooks } from '../../adapters/driven/memory/provider';
import { MemoryStatement } from '../../adapters/driven/memory/statement.repository';
import { Payment } from '../../domain/payment';
import type { StatementPage } from '../ports';
import { GetReconciliation } from '../queries/get-reconciliation';
import { ReconcileBooks } from './reconcile-books';

const PRICE = Money.of(487);
const MINUTE_MS = 60_000;

/** The provider's books, which can be away for a while. */
class FlakyBooks extends MemoryProviderBooks {
  /** How many pages it gives before it is away. */
  pagesLeft = Infinity;
  reads = 0;

  override async read(after: string | undefined): Promise<StatementPage> {
    if (this.pagesLeft <= 0) throw new Error('the provider is away');
    this.pagesLeft -= 1;
    this.reads += 1;
    return super.read(after);
  }
}

/** A statement whose process may die just before it stores what was read. */
class MortalStatement extends MemoryStatement {
  isDying = false;

  override append(...page: Parameters<MemoryStatement['append']>): Promise<void> {
    if (this.isDying) throw new Error('the process dies');
    return super.append(...page);
  }
}

/** Payments and the provider, with books of two lines a page. */
function world() {
  const context = new MemoryContext();
  const { clock, unitOfWork } = context;
  const ledger = new MemoryLedger(unitOfWork);
  const payments = new MemoryPaymentRepository(unitOfWork, ledger, context.outbox);
  const provider = new MemoryPaymentProvider(clock);
  const books = new FlakyBooks(provider, 2);
  const statement = new MortalStatement(unitOfWork, payments);
  const triggered: string[] = [];
  const jobs = { trigger: (job: string) => void triggered.push(job) };
  const reconcile = new ReconcileBooks(books, payments, statement, provider, clock, jobs);
  const reconciliation = new GetReconciliation(statement, payments, clock);
  const read = async (id: string) => (await payments.get(id))!.snapshot();
  return {
    ...{ clock, payments, provider, books, statement, triggered, read },
    /** A payment that is to be charged. */
    request: async (id = context.ids.next()) => {
      await payments.add(
        Payment.request({ id, amount: PRICE, paymentToken: 'tok_approve', at: clock.now() }),
      );
      return id;
    },
    /** A worker charges it, and its process dies before it can record that. */
    chargeAndDie: async (id: string): Promise<string> => {
      const outcome = await provider.charge(id, PRICE, 'tok_approve');
      if (outcome.kind !== 'approved') throw new Error(outcome.kind);
      return outcome.chargeId;
    },
    newId: () => context.ids.next(),
    reconcile: () => reconcile.execute(),
    differences: async () => (await reconciliation.execute()).differences,
    position: async () => (await reconciliation.execute()).position,
    status: async (id: string) => (await read(id)).status,
    told: (id: string) => context.told(id).map((event) => event.replace('payments.payment-', '')),
    /** Minor units that the provider holds for us, by our ledger. */
    booked: async () => (await ledger.balances())[0]?.balance.minorUnits ?? 0,
    /** … and by its own books. */
    held: () =>
      provider.lines.reduce(
        (sum, { kind, amount }) => sum + (kind === 'charge' ? 1 : -1) * amount.minorUnits,
        0,
      ),
  };
}

describe('Reconciling our books with those of the provider', () => {
  it('changes nothing when both agree', async () => {
    const { request, chargeAndDie, payments, clock, reconcile, triggered, told, differences } = world();
    const id = await request();
    const chargeId = await chargeAndDie(id);
    await payments.update(id, (payment) => payment.charged(chargeId, clock.now()));
    expect(await reconcile()).toEqual({ lines: 1, settled: 0, refunded: 0 });
    expect([told(id), triggered, await differences()]).toEqual([['captured 1'], [], []]);
  });

  it('captures a charge whose process died before its record, once', async () => {
    const { request, chargeAndDie, reconcile, read, told, booked, triggered } = world();
    const id = await request();
    const chargeId = await chargeAndDie(id);
    expect(await reconcile()).toEqual({ lines: 1, settled: 1, refunded: 0 });
    expect(await read(id)).toMatchObject({ status: 'captured', chargeId });
    expect(await reconcile()).toEqual({ lines: 0, settled: 0, refunded: 0 });
    expect([told(id), await booked(), triggered]).toEqual([['captured 1'], PRICE.minorUnits, []]);
  });

  it('captures charges on all pages, and reads no page twice', async () => {
    const { request, chargeAndDie, reconcile, status, books, statement, position } = world();
    const ids = [await request(), await request(), await request()];
    for (const id of ids) await chargeAndDie(id);
    expect(await position()).toBeUndefined();
    expect(await reconcile()).toEqual({ lines: 3, settled: 3, refunded: 0 });
    for (const id of ids) expect(await status(id)).toBe('captured');
    expect([books.reads, await position()]).toEqual([3, '3']);
    expect(await statement.unmatchedCharges()).toEqual([]);
  });

  it('refunds a charge at once whose payment was given up meanwhile', async () => {
    const { request, chargeAndDie, payments, clock, reconcile, status, triggered } = world();
    const id = await request();
    await payments.update(id, (payment) => payment.cancel(clock.now()));
    await chargeAndDie(id);
    expect(await reconcile()).toEqual({ lines: 1, settled: 1, refunded: 0 });
    expect([await status(id), triggered]).toEqual(['refunding', ['settle-payments']]);
  });

  it('books a refund that the provider made at its own desk, even on the page of its charge', async () => {
    const { request, chargeAndDie, provider, reconcile, read, told, booked } = world();
    const id = await request();
    const chargeId = await chargeAndDie(id);
    const refund = await provider.refund('their own key', chargeId);
    expect(await reconcile()).toEqual({ lines: 2, settled: 2, refunded: 0 });
    expect(await read(id)).toMatchObject({
      status: 'refunded',
      refundId: (refund as { refundId: string }).refundId,
    });
    expect([told(id), await booked()]).toEqual([['captured 1', 'refunded 2'], 0]);
  });

  it('refunds a second charge of a payment, once, and keeps the first', async () => {
    const { request, chargeAndDie, provider, reconcile, read, booked, held, told, differences } = world();
    const id = await request();
    const first = await chargeAndDie(id);
    const second = provider.chargeElsewhere(id, PRICE);
    const asked = jest.spyOn(provider, 'refund');
    expect(await reconcile()).toEqual({ lines: 2, settled: 1, refunded: 1 });
    // Under one key, however often it is repeated.
    expect(asked.mock.calls).toEqual([[`${second}:surplus`, second, PRICE]]);
    // The refund is in the provider's books now; that it was ours changes nothing for the payment.
    expect(await reconcile()).toEqual({ lines: 1, settled: 0, refunded: 0 });
    expect(provider.lines.filter(({ kind }) => kind === 'refund').map(({ chargeId }) => chargeId)).toEqual([
      second,
    ]);
    expect(await read(id)).toMatchObject({ status: 'captured', chargeId: first });
    expect([await booked(), held(), told(id)]).toEqual([PRICE.minorUnits, PRICE.minorUnits, ['captured 1']]);
    expect(await differences()).toEqual([]);
  });

  it('shows a second charge as long as the provider declines to refund it', async () => {
    const { request, chargeAndDie, provider, reconcile, differences } = world();
    const id = await request();
    await chargeAndDie(id);
    const second = provider.chargeElsewhere(id, PRICE);
    jest.spyOn(provider, 'refund').mockResolvedValueOnce({ kind: 'declined', reason: 'account locked' });
    expect(await reconcile()).toMatchObject({ refunded: 0 });
    expect(await differences()).toEqual([{ kind: 'surplus-charge', id: second, reference: id }]);
    expect(await reconcile()).toMatchObject({ refunded: 1 });
  });

  it('leaves charges alone that are none of ours, or over another amount, and shows them', async () => {
    const { request, provider, reconcile, status, differences, held } = world();
    const id = await request();
    const other = provider.chargeElsewhere(id, Money.of(488));
    const stranger = provider.chargeElsewhere('shop-7', Money.of(100));
    expect(await reconcile()).toEqual({ lines: 2, settled: 0, refunded: 0 });
    expect([await status(id), held()]).toEqual(['pending', 588]);
    expect(await differences()).toEqual([
      { kind: 'amount', id: other, reference: id },
      { kind: 'unknown-charge', id: stranger, reference: 'shop-7' },
    ]);
  });

  it('shows no charge any more that its payment came to hold later', async () => {
    const { request, chargeAndDie, payments, clock, statement, reconcile, differences } = world();
    const id = await request();
    const chargeId = await chargeAndDie(id);
    jest.spyOn(payments, 'updateAll').mockResolvedValueOnce([]);
    await reconcile();
    expect(await statement.unmatchedCharges()).toHaveLength(1);
    await payments.update(id, (payment) => payment.charged(chargeId, clock.now()));
    expect(await reconcile()).toMatchObject({ refunded: 0 });
    expect(await differences()).toEqual([]);
  });

  it('does not take the refund of another charge for its own', async () => {
    const { request, chargeAndDie, provider, reconcile, status } = world();
    const id = await request();
    await chargeAndDie(id);
    await reconcile();
    await provider.refund('their own key', provider.chargeElsewhere(id, PRICE));
    await reconcile();
    expect(await status(id)).toBe('captured');
  });

  it('does not take a refund for a charge', async () => {
    const { provider, request, newId, reconcile, status } = world();
    const id = newId();
    const chargeId = provider.chargeElsewhere(id, PRICE);
    await reconcile();
    await request(id);
    await provider.refund('their own key', chargeId);
    expect(await reconcile()).toEqual({ lines: 1, settled: 0, refunded: 0 });
    expect(await status(id)).toBe('pending');
  });

  it('does not take a refund over another amount for the whole', async () => {
    const { request, chargeAndDie, provider, reconcile, status } = world();
    const id = await request();
    const chargeId = await chargeAndDie(id);
    await provider.refund('their own key', chargeId);
    provider.lines[1] = { ...provider.lines[1]!, amount: Money.of(1) };
    expect(await reconcile()).toEqual({ lines: 2, settled: 1, refunded: 0 });
    expect(await status(id)).toBe('captured');
  });

  it('keeps what it has read when the provider goes away, and reads on from there', async () => {
    const { request, chargeAndDie, reconcile, status, books, told } = world();
    const ids = [await request(), await request(), await request()];
    for (const id of ids) await chargeAndDie(id);
    books.pagesLeft = 1;
    await expect(reconcile()).rejects.toThrow('the provider is away');
    expect([await status(ids[0]!), await status(ids[2]!)]).toEqual(['captured', 'pending']);
    books.pagesLeft = Infinity;
    expect(await reconcile()).toEqual({ lines: 1, settled: 1, refunded: 0 });
    for (const id of ids) expect(told(id)).toEqual(['captured 1']);
  });

  it('applies a page again that it could not store, without doing anything twice', async () => {
    const { request, chargeAndDie, reconcile, statement, booked, told, differences } = world();
    const id = await request();
    await chargeAndDie(id);
    statement.isDying = true;
    await expect(reconcile()).rejects.toThrow('the process dies');
    statement.isDying = false;
    expect(await reconcile()).toEqual({ lines: 1, settled: 0, refunded: 0 });
    expect([told(id), await booked(), await differences()]).toEqual([['captured 1'], PRICE.minorUnits, []]);
  });

  it('does no harm in two replicas at the same time', async () => {
    const { request, chargeAndDie, provider, reconcile, booked, held, told } = world();
    const id = await request();
    await chargeAndDie(id);
    provider.chargeElsewhere(id, PRICE);
    await Promise.all([reconcile(), reconcile()]);
    await reconcile();
    expect([told(id), await booked(), held()]).toEqual([['captured 1'], PRICE.minorUnits, PRICE.minorUnits]);
  });

  it('shows a charge and a refund that the provider has forgotten, once it should know them', async () => {
    const { request, payments, clock, differences } = world();
    const id = await request();
    await payments.update(id, (payment) => payment.charged('ch_lost', clock.now()));
    await payments.update(id, (payment) => payment.refunded('re_lost', clock.now()));
    clock.advance(5 * MINUTE_MS);
    expect(await differences()).toEqual([]);
    clock.advance(1);
    expect(await differences()).toEqual([
      { kind: 'missing-charge', id: 'ch_lost', reference: id },
      { kind: 'missing-refund', id: 're_lost', reference: id },
    ]);
  });

  it('shows at most a hundred differences', async () => {
    const { provider, reconcile, differences } = world();
    for (let made = 0; made < 101; made++) provider.chargeElsewhere(`shop-${made}`, Money.of(1));
    await reconcile();
    expect(await differences()).toHaveLength(100);
  });
});
