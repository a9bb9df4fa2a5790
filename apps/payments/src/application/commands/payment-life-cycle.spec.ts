import { Money } from '@atlas/kernel';
import { MemoryContext } from '@atlas/testing';
import { MemoryLedger } from '../../adapters/driven/memory/ledger.repository';
import { MemoryPaymentRepository } from '../../adapters/driven/memory/payments.repository';
import { MemoryPaymentProvider } from '../../adapters/driven/memory/provider';
import { GetBalances } from '../queries/get-balances';
import { GetPayment } from '../queries/get-payment';
import { CancelPayment } from './cancel-payment';
import { ClaimDuePayments } from './claim-due-payments';
import { RecordSettlements } from './record-settlements';
import { RefundPayment } from './refund-payment';
import { RequestPayment } from './request-payment';

const amount = Money.of(487);
const LEASE_MS = 15_000;

/** A provider that takes only so many calls. */
class BusyProvider extends MemoryPaymentProvider {
  calls = super.capacity();

  override capacity(): number {
    return this.calls;
  }
}

/** Payments whose settlement job runs when the test says so. */
function world() {
  const context = new MemoryContext();
  const { clock, unitOfWork } = context;
  const ledger = new MemoryLedger(unitOfWork);
  const payments = new MemoryPaymentRepository(unitOfWork, ledger, context.outbox);
  const provider = new BusyProvider(clock);
  const triggered: string[] = [];
  const jobs = { trigger: (job: string) => void triggered.push(job) };
  const requestPayment = new RequestPayment(payments, clock, jobs);
  const recordSettlements = new RecordSettlements(payments, clock, jobs);
  const getPayment = new GetPayment(payments);
  const request = async () => {
    const orderId = context.ids.next();
    await requestPayment.execute({ orderId, amount, paymentToken: 'tok_approve' });
    return orderId;
  };
  const capture = (...ids: readonly string[]) =>
    recordSettlements.execute(
      ids.map((paymentId) => ({
        paymentId,
        change: (payment) => payment.charged(`ch_${payment.id}`, clock.now()),
      })),
    );
  return {
    ...{ clock, provider, payments, requestPayment, request, capture },
    newId: () => context.ids.next(),
    captured: async () => {
      const id = await request();
      await capture(id);
      triggered.length = 0;
      return id;
    },
    cancel: new CancelPayment(payments, clock, jobs),
    refund: new RefundPayment(payments, clock, jobs),
    claim: new ClaimDuePayments(payments, provider, clock, LEASE_MS),
    getPayment,
    balances: async () =>
      (await new GetBalances(ledger).execute()).map(({ account, balance }) => [account, balance.minorUnits]),
    state: async (id: string) => (await getPayment.execute(id))?.snapshot(),
    told: (id: string) => context.told(id).map((event) => event.replace('payments.payment-', '')),
    /** How often the settlement job was asked to run at once, since it was last asked. */
    triggered: () => triggered.splice(0),
  };
}

describe('Requesting a payment', () => {
  it('makes it due at once, and has the settlement job look for it', async () => {
    const { request, clock, state, triggered } = world();
    const id = await request();
    expect(await state(id)).toMatchObject({ status: 'pending', amount, dueAt: clock.now(), attempts: 0 });
    expect(triggered()).toEqual(['settle-payments']);
  });

  it('changes nothing the second time', async () => {
    const { request, requestPayment, state, triggered } = world();
    const orderId = await request();
    triggered();
    await requestPayment.execute({ orderId, amount: Money.of(1), paymentToken: 'tok_decline' });
    expect(await state(orderId)).toMatchObject({ amount, paymentToken: 'tok_approve' });
    expect(triggered()).toEqual([]);
  });
});

describe('Claiming due payments', () => {
  it('leaves each to one worker until its claim ends', async () => {
    const { request, claim, clock, state } = world();
    const id = await request();
    expect((await claim.execute(10)).map((payment) => payment.id)).toEqual([id]);
    expect(await claim.execute(10)).toEqual([]);
    expect(await state(id)).toMatchObject({
      attempts: 1,
      dueAt: new Date(clock.now().getTime() + LEASE_MS),
    });
    clock.advance(LEASE_MS);
    expect(await claim.execute(10)).toHaveLength(1);
  });

  it('takes at most as many as the worker asks for, and as the provider takes', async () => {
    const { request, claim, provider } = world();
    for (let made = 0; made < 5; made++) await request();
    expect(await claim.execute(1)).toHaveLength(1);
    provider.calls = 2;
    expect(await claim.execute(10)).toHaveLength(2);
    provider.calls = 0;
    expect(await claim.execute(10)).toEqual([]);
    provider.calls = -1;
    expect(await claim.execute(10)).toEqual([]);
    provider.calls = Infinity;
    expect(await claim.execute(10)).toHaveLength(2);
  });

  it('does not even ask for payments while the provider takes no calls', async () => {
    const { claim, provider, payments } = world();
    const asked = jest.spyOn(payments, 'updateDue');
    provider.calls = 0;
    await claim.execute(10);
    expect(asked).not.toHaveBeenCalled();
  });
});

describe('Recording settlements', () => {
  it('changes all payments together, each by its own outcome', async () => {
    const { request, capture, state, told, triggered } = world();
    const ids = [await request(), await request()];
    triggered();
    await capture(...ids);
    for (const id of ids) {
      expect(await state(id)).toMatchObject({ status: 'captured', chargeId: `ch_${id}` });
      expect(told(id)).toEqual(['captured 1']);
    }
    expect(triggered()).toEqual([]);
  });

  it('has a charge that is no longer wanted refunded at once, beside others that are', async () => {
    const { request, claim, cancel, capture, state, triggered } = world();
    const [kept, cancelled] = [await request(), await request()];
    await claim.execute(10);
    await cancel.execute(cancelled);
    triggered();
    await capture(kept, cancelled);
    expect([(await state(kept))?.status, (await state(cancelled))?.status]).toEqual([
      'captured',
      'refunding',
    ]);
    expect(triggered()).toEqual(['settle-payments']);
  });

  it('books what was captured', async () => {
    const { captured, balances } = world();
    await captured();
    expect(await balances()).toEqual([
      ['provider-clearing', 487],
      ['sales', -487],
    ]);
  });
});

describe('Cancelling the payment of an order', () => {
  it('starts the refund of a captured one at once', async () => {
    const { captured, cancel, clock, state, triggered } = world();
    const id = await captured();
    clock.advance(1_000);
    await cancel.execute(id);
    expect(await state(id)).toMatchObject({ status: 'refunding', dueAt: clock.now() });
    expect(triggered()).toEqual(['settle-payments']);
  });

  it('voids one that was not charged yet, and needs no settlement', async () => {
    const { request, cancel, state, triggered } = world();
    const id = await request();
    triggered();
    await cancel.execute(id);
    expect(await state(id)).toMatchObject({ status: 'voided' });
    expect(triggered()).toEqual([]);
  });

  it('is nothing to do for an order without a payment', async () => {
    const { cancel, getPayment, newId, triggered } = world();
    const id = newId();
    await cancel.execute(id);
    expect(await getPayment.execute(id)).toBeUndefined();
    expect(triggered()).toEqual([]);
  });
});

describe('Refunding a payment as goodwill', () => {
  it('starts at once, and stays so when it is asked for again', async () => {
    const { captured, refund, clock, state, triggered } = world();
    const id = await captured();
    const first = await refund.execute(id);
    expect(first).toMatchObject({ ok: true });
    expect(await state(id)).toMatchObject({ status: 'refunding', dueAt: clock.now() });
    expect(triggered()).toEqual(['settle-payments']);
    expect(await refund.execute(id)).toEqual(first);
  });

  it('is no error once it has happened', async () => {
    const { captured, payments, refund, clock, state, triggered } = world();
    const id = await captured();
    await payments.update(id, (payment) => payment.refunded('re_1', clock.now()));
    expect(await refund.execute(id)).toMatchObject({ ok: true });
    expect(await state(id)).toMatchObject({ status: 'refunded', refundId: 're_1' });
    expect(triggered()).toEqual([]);
  });

  it('is refused for a payment that holds no money, which is named', async () => {
    const { request, payments, refund, clock } = world();
    const id = await request();
    await payments.update(id, (payment) => payment.chargeDeclined('insufficient funds', clock.now()));
    const refused = await refund.execute(id);
    expect(refused).toMatchObject({ ok: false });
    expect(refused?.ok === false && refused.error.payment.snapshot()).toMatchObject({
      id,
      status: 'declined',
    });
  });

  it('finds nothing to refund for an order without a payment', async () => {
    const { refund, newId } = world();
    expect(await refund.execute(newId())).toBeUndefined();
  });
});
