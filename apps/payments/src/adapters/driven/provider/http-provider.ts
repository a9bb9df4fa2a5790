import type { Money } from '@atlas/kernel';
import { AttemptTimedOut, classifyError, DeadlineExceeded, type Resilience } from '@atlas/resilience';
import type { z } from 'zod';
import {
  type ChargeOutcome,
  type ChargeRecord,
  PaymentProvider,
  type RefundOutcome,
} from '../../../application/ports';
import { type ProviderClient, ProviderRefusal } from './provider-client';
import { type ChargeAnswer, chargeAnswer, chargesAnswer, refundAnswer } from './provider.schemas';

/**
 * A provider over HTTP. A request that certainly did nothing is repeated at once, as its policy says. After any other
 * without an answer, the provider is asked for the charge. If there is none, the next attempt sends the request again
 * under the same key, so that one that is still on its way does no harm.
 */
export class HttpPaymentProvider extends PaymentProvider {
  constructor(
    private readonly client: ProviderClient,
    private readonly resilience: Resilience,
  ) {
    super();
  }

  async charge(paymentId: string, amount: Money, paymentToken: string): Promise<ChargeOutcome> {
    const { minorUnits, currency } = amount;
    const body = { reference: paymentId, amount: { minorUnits, currency }, source: paymentToken };
    try {
      const charge = await this.resilience
        .policy('provider')
        .execute(({ signal }) =>
          this.client.call('POST', '/charges', chargeAnswer, { body, key: paymentId, signal }),
        );
      return outcomeOf(charge);
    } catch (error) {
      if (error instanceof ProviderRefusal) return this.refused(paymentId, error);
      if (!classifyError(error).mayHaveActed) return unavailable(error);
      const record = await this.lookup(paymentId);
      if (record.kind !== 'not-charged') return record;
      const isSilent = error instanceof AttemptTimedOut || error instanceof DeadlineExceeded;
      return isSilent ? { kind: 'unknown' } : unavailable(error);
    }
  }

  async refund(key: string, chargeId: string): Promise<RefundOutcome> {
    try {
      const { id } = await this.resilience
        .policy('provider')
        .execute(
          ({ signal }) =>
            this.client.call('POST', `/charges/${chargeId}/refunds`, refundAnswer, { key, signal }),
          { idempotent: true },
        );
      return { kind: 'refunded', refundId: id };
    } catch (error) {
      if (error instanceof ProviderRefusal) return this.refundRefused(chargeId, error);
      return unavailable(error);
    }
  }

  async lookup(paymentId: string): Promise<ChargeRecord> {
    try {
      const query = new URLSearchParams({ reference: paymentId });
      const { charges } = await this.ask(`/charges?${query.toString()}`, chargesAnswer);
      const charge = charges.find(({ status }) => status === 'succeeded') ?? charges[0];
      return charge ? outcomeOf(charge) : { kind: 'not-charged' };
    } catch (error) {
      if (error instanceof ProviderRefusal) throw error;
      return unavailable(error);
    }
  }

  override capacity(): number {
    const policy = this.resilience.policy('provider');
    const { breaker, since, running } = policy.state();
    if (breaker === undefined || breaker === 'closed') return Infinity;
    const { openMs } = policy.settings.breaker;
    const restMs = breaker === 'open' && since ? since.getTime() + openMs - Date.now() : 0;
    // One call at a time probes whether the provider is back.
    return restMs > 0 || running > 0 ? 0 : 1;
  }

  private ask<Answer>(path: string, answer: z.ZodType<Answer>): Promise<Answer> {
    return this.resilience
      .policy('providerReads')
      .execute(({ signal }) => this.client.call('GET', path, answer, { signal }), { idempotent: true });
  }

  /** If the key was used for another request, its outcome is on record; any other refused request has none, for good. */
  private async refused(paymentId: string, error: ProviderRefusal): Promise<ChargeOutcome> {
    if (error.status !== 400 && error.status !== 422) throw error;
    const record = await this.lookup(paymentId);
    return record.kind === 'not-charged' ? { kind: 'declined', reason: error.message } : record;
  }

  /** Someone else may have refunded the charge: then that is the refund. */
  private async refundRefused(chargeId: string, error: ProviderRefusal): Promise<RefundOutcome> {
    if (error.status !== 422) return { kind: 'declined', reason: error.message };
    try {
      const { refund } = await this.ask(`/charges/${chargeId}`, chargeAnswer);
      return refund ? { kind: 'refunded', refundId: refund.id } : { kind: 'declined', reason: error.message };
    } catch (failure) {
      return unavailable(failure);
    }
  }
}

const outcomeOf = ({ id, status, reason = 'declined' }: ChargeAnswer): ChargeOutcome =>
  status === 'succeeded' ? { kind: 'approved', chargeId: id } : { kind: 'declined', reason };

const unavailable = (error: unknown): ChargeOutcome & RefundOutcome => ({
  kind: 'unavailable',
  reason: error instanceof Error ? error.message : String(error),
  retryInMs: classifyError(error).retryAfterMs,
});
