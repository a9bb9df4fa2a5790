import { randomUUID } from 'node:crypto';
import { eventually } from '@atlas/testing';
import { CancelPayment } from '../src/application/commands/cancel-payment';
import { ReconcileBooks } from '../src/application/commands/reconcile-books';
import { GetReconciliation } from '../src/application/queries/get-reconciliation';
import { PRICE } from './builders';
import { RunningPayments } from './running-payments';

describe('Payments and the books of the provider', () => {
  let payments: RunningPayments;

  beforeAll(async () => {
    payments = await RunningPayments.start({ env: { PROVIDER_TIMEOUT_MS: '300' } });
  });
  afterAll(() => payments?.stop());

  /** Claims the payment with a worker that is paused before it charges. */
  async function claimedByPausedWorker(token = 'tok_approve') {
    const id = randomUUID();
    await payments.pauseWorkers();
    await payments.request(id, token);
    const worker = payments.pausedWorker();
    const claimed = (await worker.claim(100)).find((payment) => payment.id === id);
    return { id, charge: () => worker.attempt(claimed!) };
  }

  it('agree without any doing when all goes well', async () => {
    const id = randomUUID();
    payments.resumeWorkers();
    await payments.request(id);
    await payments.reaches(id, 'captured');
    await payments.reconcile();
    expect(await payments.context.told(id)).toEqual(['payments.payment-captured 1']);
    expect(await payments.provider.holds(id)).toBe(PRICE);
  });

  it('a charge whose worker died before its record is captured', async () => {
    const { id, charge } = await claimedByPausedWorker();
    await charge();
    await payments.reconcile();
    expect(await payments.read(id)).toMatchObject({ status: 'captured', attempts: 1 });
    payments.resumeWorkers();
    await payments.reconcile();
    expect(await payments.context.told(id)).toEqual(['payments.payment-captured 1']);
    expect(await payments.provider.chargesOf(id)).toHaveLength(1);
  });

  it('a charge of a worker that slept while another was told that nothing was charged goes back, once', async () => {
    const { id, charge } = await claimedByPausedWorker('tok_approve');
    // Its card is silent for the others, who give up.
    await payments.query(`UPDATE payment SET payment_token = 'tok_timeout' WHERE id = $1`, [id]);
    payments.resumeWorkers();
    await payments.reaches(id, 'failed');
    await charge();
    expect(await payments.provider.holds(id)).toBe(PRICE);

    await payments.reconcile();
    const { chargeId, refundId } = await payments.reaches(id, 'refunded');
    await payments.reconcile();
    expect(await payments.provider.chargesOf(id)).toEqual([
      { id: chargeId, declined: null, refund_id: refundId },
    ]);
    expect(await payments.context.told(id)).toEqual([
      'payments.payment-failed 1',
      'payments.payment-captured 2',
      'payments.payment-refunded 3',
    ]);
    expect(await payments.booked(id)).toBe(0);
  });

  it('a charge for a payment that was voided meanwhile goes back, once', async () => {
    const { id, charge } = await claimedByPausedWorker();
    await payments.get(CancelPayment).execute(id);
    payments.resumeWorkers();
    await payments.reaches(id, 'voided');
    await charge();

    await Promise.all([payments.reconcile(), payments.reconcile()]);
    await payments.reaches(id, 'refunded');
    await payments.reconcile();
    expect(await payments.context.told(id)).toEqual([
      'payments.payment-captured 1',
      'payments.payment-refunded 2',
    ]);
    expect(await payments.provider.holds(id)).toBe(0);
    expect(await payments.booked(id)).toBe(0);
  });

  it('a second charge for a payment, under another key, goes back; the first one stays', async () => {
    const id = randomUUID();
    payments.resumeWorkers();
    await payments.request(id);
    const { chargeId } = await payments.reaches(id, 'captured');
    const second = await payments.provider.charge(id, randomUUID(), PRICE);
    await payments.reconcile();
    const charges = await payments.provider.chargesOf(id);
    expect(charges.map((one) => [one.id, one.refund_id !== null])).toEqual([
      [chargeId, false],
      [second, true],
    ]);
    expect(await payments.read(id)).toMatchObject({ status: 'captured', chargeId });
    await payments.reconcile();
    expect(await payments.provider.holds(id)).toBe(await payments.booked(id));
  });

  it('a refund that the provider has made at its own desk is booked and told', async () => {
    const id = randomUUID();
    payments.resumeWorkers();
    await payments.request(id);
    const { chargeId } = await payments.reaches(id, 'captured');
    await payments.provider.refund(chargeId!);
    await payments.reconcile();
    expect((await payments.read(id)).status).toBe('refunded');
    expect(await payments.context.told(id)).toEqual([
      'payments.payment-captured 1',
      'payments.payment-refunded 2',
    ]);
    expect(await payments.booked(id)).toBe(0);
  });

  it('a charge that is none of ours, or over another amount, is left alone and shown', async () => {
    const id = randomUUID();
    await payments.pauseWorkers();
    await payments.request(id);
    const other = await payments.provider.charge(id, randomUUID(), PRICE + 1);
    const [stranger, unknown] = [`shop-${randomUUID()}`, randomUUID()];
    const strange = await payments.provider.charge(stranger, stranger, 100);
    const lost = await payments.provider.charge(unknown, unknown, 100);
    await payments.reconcile();
    expect((await payments.read(id)).status).toBe('pending');
    const shown = (await payments.context.send('GET', '/reconciliation')).json();
    expect(shown.differences).toEqual(
      expect.arrayContaining([
        { kind: 'amount', id: other, reference: id },
        { kind: 'unknown-charge', id: strange, reference: stranger },
        { kind: 'unknown-charge', id: lost, reference: unknown },
      ]),
    );
    expect(shown.differences).toHaveLength(3);
    for (const chargeId of [other, strange, lost]) await payments.provider.refund(chargeId);
    await payments.get(CancelPayment).execute(id);
  });

  it('a charge that the provider has forgotten is shown', async () => {
    const id = randomUUID();
    payments.resumeWorkers();
    await payments.request(id);
    const { chargeId } = await payments.reaches(id, 'captured');
    await payments.reconcile();
    const differences = async () =>
      (await payments.get(GetReconciliation).execute()).differences.filter(
        ({ reference }) => reference === id,
      );
    await payments.query(`UPDATE payment SET changed_at = now() - interval '1 hour' WHERE id = $1`, [id]);
    expect(await differences()).toEqual([]);
    await payments.query('DELETE FROM statement_line WHERE charge_id = $1', [chargeId]);
    expect(await differences()).toEqual([{ kind: 'missing-charge', id: chargeId, reference: id }]);
  });

  it('are read on while the provider misbehaves, once it is well again', async () => {
    const { id, charge } = await claimedByPausedWorker();
    await charge();
    await payments.provider.setFaults({ kind: 'error-before', on: ['read'] });
    await expect(payments.get(ReconcileBooks).execute()).rejects.toThrow();
    await payments.provider.clearFaults();
    await eventually(async () => {
      await payments.get(ReconcileBooks).execute();
      return (await payments.read(id)).status === 'captured';
    });
  });
});
