import { randomUUID } from 'node:crypto';
import { Money } from '@atlas/kernel';
import { createService, loadConfig } from '@atlas/service';
import { eventually } from '@atlas/testing';
import type { PaymentResponse } from '../src/adapters/driving/http/payments.schemas';
import { RequestPayment } from '../src/application/commands/request-payment';
import { type ChargeOutcome, PaymentProvider } from '../src/application/ports';
import { paymentsApp } from '../src/payments.app';
import { amount, orderCancelled, orderPaymentDue } from './builders';
import { RunningPayments } from './running-payments';
import { ManualWorker } from './workers';

describe('Payments', () => {
  let payments: RunningPayments;

  beforeAll(async () => {
    payments = await RunningPayments.start({
      replicas: 2,
      env: { PROVIDER_TIMEOUT_MS: '500', PAYMENT_LEASE_MS: '10000', PAYMENT_MAX_ATTEMPTS: '3' },
    });
  });
  afterAll(() => payments?.stop());

  const publish: RunningPayments['context']['publish'] = (...records) => payments.context.publish(...records);
  const send: RunningPayments['context']['send'] = (...request) => payments.context.send(...request);
  const read = async (orderId: string) => (await send('GET', `/payments/${orderId}`)).json<PaymentResponse>();
  const reaches = (orderId: string, status: string) =>
    eventually(async () => {
      const payment = await read(orderId);
      return payment.status === status && payment;
    });
  const booked = async (orderId: string) =>
    (
      await payments.query<{ kind: string }>(
        'SELECT kind FROM ledger_transaction WHERE payment_id = $1 ORDER BY id',
        [orderId],
      )
    ).map(({ kind }) => kind);
  const charges = async (orderId: string) =>
    (await payments.provider.chargesOf(orderId)).map(({ id, refund_id }) => ({ charge_id: id, refund_id }));

  it('captures a payment that is due, books it and publishes it once', async () => {
    const id = randomUUID();
    await publish(orderPaymentDue(id));
    const payment = await reaches(id, 'captured');
    expect(payment).toMatchObject({ orderId: id, amount, chargeId: expect.stringMatching(/^ch_/) });
    expect(await payments.context.told(id)).toEqual(['payments.payment-captured 1']);
    expect(await booked(id)).toEqual(['capture']);
  });

  it('publishes the outcome as a consequence of its cause, although a job learns it later', async () => {
    const id = randomUUID();
    const [request, cancellation] = [orderPaymentDue(id), orderCancelled(id)];
    await publish(request);
    await reaches(id, 'captured');
    await publish(cancellation);
    await reaches(id, 'refunded');
    const causes = (await payments.context.outbox(id)).map(({ correlationId, causationId }) => ({
      correlation: correlationId,
      cause: causationId,
    }));
    const causeOf = ({ headers }: typeof request) => ({
      correlation: headers['ce_correlationid'],
      cause: headers['ce_id'],
    });
    expect(causes).toEqual([causeOf(request), causeOf(cancellation)]);
  });

  it('ignores the cancellation of an order that has no payment', async () => {
    const id = randomUUID();
    const cancellation = orderCancelled(id);
    await publish(cancellation);
    await payments.context.handled(cancellation);
    expect((await send('GET', `/payments/${id}`)).statusCode).toBe(404);
    expect(await payments.context.told(id)).toEqual([]);
  });

  it('publishes that a payment is declined, and books nothing', async () => {
    const [id, unknown] = [randomUUID(), randomUUID()];
    await publish(orderPaymentDue(id, 'tok_decline'), orderPaymentDue(unknown, 'tok_invented'));
    expect(await reaches(id, 'declined')).toMatchObject({ reason: 'insufficient funds' });
    expect(await reaches(unknown, 'declined')).toMatchObject({ reason: 'there is no token "tok_invented"' });
    expect(await payments.context.told(id)).toEqual(['payments.payment-declined 1']);
    expect(await booked(id)).toEqual([]);
  });

  it('fails a payment that the provider never answers, once it confirmed that nothing was charged', async () => {
    const id = randomUUID();
    await publish(orderPaymentDue(id, 'tok_timeout'));
    expect(await reaches(id, 'failed')).toMatchObject({
      attempts: 4,
      reason: expect.stringContaining('charged nothing'),
    });
    expect(await payments.context.told(id)).toEqual(['payments.payment-failed 1']);
    expect(await charges(id)).toEqual([]);
  });

  it('refunds the payment of a cancelled order, and publishes both', async () => {
    const id = randomUUID();
    await publish(orderPaymentDue(id));
    await reaches(id, 'captured');
    await publish(orderCancelled(id));
    const payment = await reaches(id, 'refunded');
    expect(await charges(id)).toEqual([{ charge_id: payment.chargeId, refund_id: payment.refundId }]);
    expect(await payments.context.told(id)).toEqual([
      'payments.payment-captured 1',
      'payments.payment-refunded 2',
    ]);
    expect(await booked(id)).toEqual(['capture', 'refund']);
  });

  it('keeps no charge when the cancellation follows right after the request', async () => {
    const ids = Array.from({ length: 20 }, () => randomUUID());
    await publish(...ids.flatMap((id) => [orderPaymentDue(id), orderCancelled(id)]));
    for (const id of ids) {
      await eventually(async () => ['voided', 'refunded'].includes((await read(id)).status));
      const [charge] = await charges(id);
      expect(charge === undefined || charge.refund_id !== null).toBe(true);
    }
  });

  it('handles what is delivered twice once, with two replicas', async () => {
    const id = randomUUID();
    await publish(orderPaymentDue(id), orderPaymentDue(id));
    await publish(orderPaymentDue(id));
    await reaches(id, 'captured');
    const marker = randomUUID();
    await publish(orderPaymentDue(marker));
    await reaches(marker, 'captured');
    expect(await payments.context.told(id)).toEqual(['payments.payment-captured 1']);
    expect(await booked(id)).toEqual(['capture']);
  });

  describe('when a process dies between the charge and its record', () => {
    /** A worker on the real data whose provider charges, but whose process then sees no answer. */
    const dyingWorker = (leaseMs: number, after: (outcome: ChargeOutcome) => ChargeOutcome) => {
      const real = payments.get(PaymentProvider);
      const dying: PaymentProvider = {
        charge: async (...call) => after(await real.charge(...call)),
        refund: (...call) => real.refund(...call),
        lookup: (key) => real.lookup(key),
        capacity: () => real.capacity(),
      };
      return new ManualWorker(payments.context, { leaseMs, provider: dying });
    };

    it('the attempt is repeated under the same key, and charged once', async () => {
      await payments.pauseWorkers();
      const id = randomUUID();
      await payments
        .get(RequestPayment)
        .execute({ orderId: id, amount: Money.of(487), paymentToken: 'tok_approve' });
      const dying = dyingWorker(1, (outcome) => outcome);
      const [payment] = await dying.claim(1);
      await dying.attempt(payment!);
      expect(await charges(id)).toHaveLength(1);
      payments.resumeWorkers();
      const { chargeId, attempts } = await reaches(id, 'captured');
      expect(await charges(id)).toEqual([{ charge_id: chargeId, refund_id: null }]);
      expect(attempts).toBe(2);
      expect(await booked(id)).toEqual(['capture']);
    });

    it('a charge whose response was lost is found, not repeated', async () => {
      await payments.pauseWorkers();
      const id = randomUUID();
      await payments
        .get(RequestPayment)
        .execute({ orderId: id, amount: Money.of(487), paymentToken: 'tok_approve' });
      const deaf = dyingWorker(10_000, () => ({ kind: 'unknown' }));
      const [payment] = await deaf.claim(1);
      await deaf.record([await deaf.attempt(payment!)]);
      expect((await read(id)).status).toBe('pending');
      const [charge] = await charges(id);
      payments.resumeWorkers();
      expect(await reaches(id, 'captured')).toMatchObject({ chargeId: charge?.charge_id, attempts: 2 });
      expect(await charges(id)).toHaveLength(1);
      expect(await payments.context.told(id)).toEqual(['payments.payment-captured 1']);
    });

    it('and the order was cancelled meanwhile, the charge is looked up and refunded', async () => {
      await payments.pauseWorkers();
      const id = randomUUID();
      await payments
        .get(RequestPayment)
        .execute({ orderId: id, amount: Money.of(487), paymentToken: 'tok_approve' });
      const dying = dyingWorker(1, (outcome) => outcome);
      const [payment] = await dying.claim(1);
      await dying.attempt(payment!);
      await publish(orderCancelled(id));
      await eventually(async () => {
        const [row] = await payments.query<{ cancel_requested: boolean }>(
          'SELECT cancel_requested FROM payment WHERE id = $1',
          [id],
        );
        return row?.cancel_requested;
      });
      payments.resumeWorkers();
      const { chargeId, refundId } = await reaches(id, 'refunded');
      expect(await charges(id)).toEqual([{ charge_id: chargeId, refund_id: refundId }]);
      expect(await payments.context.told(id)).toEqual([
        'payments.payment-captured 1',
        'payments.payment-refunded 2',
      ]);
      expect(await booked(id)).toEqual(['capture', 'refund']);
    });

    it('a late record of an attempt that another repeated changes nothing', async () => {
      await payments.pauseWorkers();
      const id = randomUUID();
      await payments
        .get(RequestPayment)
        .execute({ orderId: id, amount: Money.of(487), paymentToken: 'tok_approve' });
      const slow = dyingWorker(1, (outcome) => outcome);
      const [payment] = await slow.claim(1);
      const late = await slow.attempt(payment!);
      payments.resumeWorkers();
      await reaches(id, 'captured');
      await slow.record([late]);
      expect(await payments.context.told(id)).toEqual(['payments.payment-captured 1']);
      expect(await booked(id)).toEqual(['capture']);
    });
  });

  it('claims a payment for one worker at a time', async () => {
    await payments.pauseWorkers();
    const ids = Array.from({ length: 30 }, () => randomUUID());
    for (const orderId of ids) {
      await payments
        .get(RequestPayment)
        .execute({ orderId, amount: Money.of(1), paymentToken: 'tok_approve' });
    }
    const claims = await Promise.all(
      payments.context.replicas.flatMap((replica) =>
        [1, 2, 3].map(() => new ManualWorker(replica, { leaseMs: 10_000 }).claim(20)),
      ),
    );
    const claimed = claims.flat().map((payment) => payment.id);
    expect(claimed.sort()).toEqual([...ids].sort());
    await payments.query(`UPDATE payment SET due_at = now() WHERE id = ANY ($1)`, [ids]);
    payments.resumeWorkers();
    for (const id of ids) await reaches(id, 'captured');
  });

  it('does not start with a lease that ends before an attempt may', async () => {
    process.env['RESILIENCE_PROVIDER_DEADLINE_MS'] = '20000';
    const created = createService(paymentsApp, loadConfig(paymentsApp.settings, payments.context.env));
    await expect(created).rejects.toThrow('PAYMENT_LEASE_MS is 10000, but an attempt may take 24000 ms');
    delete process.env['RESILIENCE_PROVIDER_DEADLINE_MS'];
  });

  describe('The ledger', () => {
    it('balances, and agrees with what was captured and not refunded', async () => {
      const { balances } = (await send('GET', '/ledger/balances')).json();
      const [row] = await payments.query<{ held: string }>(
        `SELECT sum(amount) AS held FROM payment WHERE status IN ('captured', 'refunding')`,
      );
      expect(balances).toEqual([
        { account: 'provider-clearing', balance: { minorUnits: Number(row?.held), currency: 'EUR' } },
        { account: 'sales', balance: { minorUnits: -Number(row?.held), currency: 'EUR' } },
      ]);
    });

    it('refuses an unbalanced transaction, a second capture and any change', async () => {
      const id = randomUUID();
      await publish(orderPaymentDue(id));
      await reaches(id, 'captured');
      const refund = (...entries: string[]) =>
        payments.query(
          `WITH booked AS (
             INSERT INTO ledger_transaction (id, payment_id, kind) VALUES ($1 || ':refund', $1::uuid, 'refund') RETURNING id)
           INSERT INTO ledger_entry SELECT id, entry.* FROM booked, (VALUES ${entries.join()}) AS entry`,
          [id],
        );
      await expect(refund(`('sales', 487, 0, 'EUR')`)).rejects.toThrow('is not balanced');
      await expect(
        refund(`('sales', 487, 0, 'EUR')`, `('provider-clearing', 0, 486, 'EUR')`),
      ).rejects.toThrow('is not balanced');
      await expect(
        refund(`('sales', 487, 0, 'EUR')`, `('provider-clearing', 0, 487, 'USD')`),
      ).rejects.toThrow('is not balanced');
      const empty = payments.query(
        `INSERT INTO ledger_transaction (id, payment_id, kind) VALUES ($1 || ':refund', $1::uuid, 'refund')`,
        [id],
      );
      await expect(empty).rejects.toThrow('is not balanced');
      const second = payments.query(
        `INSERT INTO ledger_transaction (id, payment_id, kind) VALUES ($1 || ':capture', $1::uuid, 'capture')`,
        [id],
      );
      await expect(second).rejects.toThrow('duplicate key');
      await expect(payments.query('UPDATE ledger_entry SET debit = 0')).rejects.toThrow('append-only');
      await expect(payments.query('DELETE FROM ledger_entry')).rejects.toThrow('append-only');
      await expect(payments.query('TRUNCATE ledger_transaction CASCADE')).rejects.toThrow('append-only');
    });
  });

  describe('A refund on request', () => {
    const refund = (orderId: string, key = randomUUID()) =>
      send('POST', `/payments/${orderId}/refund`, undefined, { 'idempotency-key': key });

    it('refunds a captured payment, once', async () => {
      const [id, key] = [randomUUID(), randomUUID()];
      await publish(orderPaymentDue(id));
      await reaches(id, 'captured');
      const first = await refund(id, key);
      expect(first.statusCode).toBe(202);
      expect(first.json().status).toBe('refunding');
      expect((await refund(id, key)).body).toBe(first.body);
      await reaches(id, 'refunded');
      expect(await booked(id)).toEqual(['capture', 'refund']);
    });

    it('is refused for a payment that holds no money, and for none at all', async () => {
      const id = randomUUID();
      await publish(orderPaymentDue(id, 'tok_decline'));
      await reaches(id, 'declined');
      const refused = await refund(id);
      expect(refused.statusCode).toBe(409);
      expect(refused.json().detail).toContain('is declined');
      expect((await refund(randomUUID())).statusCode).toBe(404);
      const keyless = await payments.context.inject({ method: 'POST', url: `/payments/${id}/refund` });
      expect(keyless.statusCode).toBe(400);
      expect(keyless.json().detail).toContain('Idempotency-Key');
    });

    it('and a look at a payment need an order id that is one', async () => {
      for (const answer of [await send('GET', '/payments/seven'), await refund('seven')]) {
        expect(answer.statusCode).toBe(400);
        expect(answer.headers['content-type']).toContain('application/problem+json');
        expect(answer.json().errors).toEqual([
          { in: 'path', pointer: '/orderId', detail: 'An order id is a UUID' },
        ]);
      }
    });
  });
});
