import type { Clock, Random } from '@atlas/ports/application';
import type { Payment } from '../../domain/payment';
import type { Settlement } from '../../domain/settlement';
import type { ChargeRecord, PaymentProvider } from '../ports';

export interface SettlementPolicy {
  /** How many charges may stay unanswered; after that, the provider is only asked for the payment's charge. */
  readonly maxCharges: number;
  /** The longest wait before the next attempt, milliseconds, given the number of attempts so far. */
  readonly backoffMs: (attempts: number) => number;
  /**
   * The longest wait after an attempt that met an unavailable provider, milliseconds. Its circuit breaker limits the
   * calls of all payments together, so no single one need wait long. Default: `backoffMs` alone.
   */
  readonly outageBackoffMs?: number;
}

/** The waits between a payment's attempts. */
export const BACKOFF = {
  backoffMs: (attempts: number) => Math.min(30_000, 100 * 2 ** attempts),
  outageBackoffMs: 2_000,
};

/**
 * Asks the provider for a claimed payment's next step: to charge it, to refund it, or for its charge. Never in a
 * transaction, because an answer may take seconds.
 */
export class SettlePayment {
  constructor(
    private readonly provider: PaymentProvider,
    private readonly clock: Clock,
    private readonly random: Random,
    private readonly policy: SettlementPolicy,
  ) {}

  /** Never rejects: after an error the payment is tried again later. */
  async execute(payment: Payment): Promise<Settlement> {
    try {
      return { paymentId: payment.id, change: await this.ask(payment) };
    } catch (error) {
      return { paymentId: payment.id, change: this.postpone(payment), error: error as Error };
    }
  }

  private async ask(payment: Payment): Promise<Settlement['change']> {
    const { id, amount, paymentToken } = payment.snapshot();
    switch (payment.nextStep(this.policy.maxCharges)) {
      case 'charge':
        return this.changeFor(payment, await this.provider.charge(id, amount, paymentToken));
      case 'ask':
        return this.changeFor(payment, await this.provider.lookup(id));
      case 'refund':
        return this.refund(payment);
      case undefined:
        throw new Error(`Payment ${id} was claimed, but has no next step`);
    }
  }

  private changeFor(payment: Payment, record: ChargeRecord): Settlement['change'] {
    const { attempts } = payment.snapshot();
    const at = this.clock.now();
    switch (record.kind) {
      case 'approved':
        return (current) => current.charged(record.chargeId, at);
      case 'declined':
        return (current) => current.chargeDeclined(record.reason, at);
      case 'not-charged':
        return (current) => current.nothingCharged(attempts, at);
      case 'unknown': {
        const waitMs = this.waitMs(attempts);
        return (current) => current.unanswered(attempts, at, waitMs);
      }
      case 'unavailable':
        return this.postpone(payment, record.retryInMs);
    }
  }

  private async refund(payment: Payment): Promise<Settlement['change']> {
    const { id, amount, chargeId, attempts } = payment.snapshot();
    if (chargeId === undefined) throw new Error(`Payment ${id} is to be refunded, but has no charge`);
    const refund = await this.provider.refund(refundKey(id), chargeId, amount);
    const at = this.clock.now();
    switch (refund.kind) {
      case 'refunded':
        return (current) => current.refunded(refund.refundId, at);
      case 'declined': {
        const waitMs = this.waitMs(attempts);
        return (current) => current.refundDeclined(attempts, refund.reason, at, waitMs);
      }
      case 'unknown':
        return this.postpone(payment);
      case 'unavailable':
        return this.postpone(payment, refund.retryInMs);
    }
  }

  /** @param leastMs the shortest wait that the provider asks for, milliseconds. */
  private postpone(payment: Payment, leastMs = 0): Settlement['change'] {
    const { attempts } = payment.snapshot();
    const at = this.clock.now();
    const waitMs = Math.round(leastMs) + this.waitMs(attempts, this.policy.outageBackoffMs);
    return (current) => current.postponed(attempts, at, waitMs);
  }

  /** With full jitter, so that payments that failed together are not tried again together. */
  private waitMs(attempts: number, mostMs = Infinity): number {
    return Math.round(this.random.fraction() * Math.min(mostMs, this.policy.backoffMs(attempts)));
  }
}

/** The same in every attempt, which keeps the provider from acting twice. A charge's key is the payment's id. */
const refundKey = (paymentId: string) => `${paymentId}:refund`;
