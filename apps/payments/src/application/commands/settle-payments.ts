import type { Clock } from '@atlas/ports/application';
import type { Payment, PaymentChange } from '../../domain/payment';
import type { ChargeRecord, PaymentProvider, PaymentRepository } from '../ports';

export interface SettlementPolicy {
  /** How long a claim lasts, milliseconds: longer than any answer of the provider takes. */
  readonly leaseMs: number;
  /** How many charges may be left without an answer; after that the provider is only asked what became of them. */
  readonly maxCharges: number;
  /** The longest wait before the next attempt, milliseconds, given how many there were. */
  readonly backoffMs: (attempts: number) => number;
  /**
   * The longest wait after an attempt that the provider was in no state to answer, milliseconds: it is left alone as a
   * whole then, so that each payment need not wait long for itself. Default: as after others.
   */
  readonly outageBackoffMs?: number;
}

/** What an attempt came to, to be recorded. */
export interface Settlement {
  readonly paymentId: string;
  readonly change: (payment: Payment) => PaymentChange;
  /** What the provider's adapter failed with, if it did. */
  readonly error?: Error;
}

/**
 * Asks the provider for what is due. The three steps are apart because the middle one must not hold a transaction: a
 * crash between them leaves a claim that ends, and the same question, under the same key, again.
 */
export class SettlePayments {
  constructor(
    private readonly payments: PaymentRepository,
    private readonly provider: PaymentProvider,
    private readonly clock: Clock,
    private readonly policy: SettlementPolicy,
  ) {}

  /** Claims what is due, and leaves it unclaimed while the provider is left alone. */
  async claim(limit: number): Promise<readonly Payment[]> {
    const count = Math.min(limit, this.provider.capacity());
    return count > 0 ? this.payments.claimDue(count, this.policy.leaseMs) : [];
  }

  /** Never rejects: after an error the payment is tried again. */
  async attempt(payment: Payment): Promise<Settlement> {
    try {
      return { paymentId: payment.id, change: await this.ask(payment) };
    } catch (error) {
      return { paymentId: payment.id, change: this.postpone(payment), error: error as Error };
    }
  }

  async record(settlements: readonly Settlement[]): Promise<void> {
    const changes = new Map(settlements.map(({ paymentId, change }) => [paymentId, change]));
    await this.payments.update([...changes.keys()], (payment) => {
      const change = changes.get(payment.id);
      if (!change) throw new Error(`Nothing was asked for payment ${payment.id}`);
      return change(payment);
    });
  }

  private async ask(payment: Payment): Promise<Settlement['change']> {
    const { id, amount, paymentToken } = payment.snapshot();
    switch (payment.nextStep(this.policy.maxCharges)) {
      case 'charge':
        return this.believe(payment, await this.provider.charge(id, amount, paymentToken));
      case 'ask':
        return this.believe(payment, await this.provider.lookup(id));
      case 'refund':
        return this.refund(payment);
      case undefined:
        throw new Error(`Nothing is due for payment ${id}, yet it was claimed`);
    }
  }

  private believe(payment: Payment, record: ChargeRecord): Settlement['change'] {
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
        return (current) => current.unanswered(attempts, waitMs);
      }
      case 'unavailable':
        return this.postpone(payment, record.retryInMs);
    }
  }

  private async refund(payment: Payment): Promise<Settlement['change']> {
    const { id, amount, chargeId, attempts } = payment.snapshot();
    if (chargeId === undefined) throw new Error(`Payment ${id} is to be refunded, yet it has no charge`);
    const refund = await this.provider.refund(refundKey(id), chargeId, amount);
    const at = this.clock.now();
    switch (refund.kind) {
      case 'refunded':
        return (current) => current.refunded(refund.refundId, at);
      case 'declined': {
        const waitMs = this.waitMs(attempts);
        return (current) => current.refundDeclined(attempts, refund.reason, waitMs);
      }
      case 'unknown':
        return this.postpone(payment);
      case 'unavailable':
        return this.postpone(payment, refund.retryInMs);
    }
  }

  /** @param leastMs what the provider asks to wait at least. */
  private postpone(payment: Payment, leastMs = 0): Settlement['change'] {
    const { attempts } = payment.snapshot();
    const waitMs = Math.round(leastMs) + this.waitMs(attempts, this.policy.outageBackoffMs);
    return (current) => current.postponed(attempts, waitMs);
  }

  /** With full jitter, so that what failed together does not come again together. */
  private waitMs(attempts: number, mostMs = Infinity): number {
    return Math.round(Math.random() * Math.min(mostMs, this.policy.backoffMs(attempts)));
  }
}

/** The same in every attempt: that is what keeps the provider from acting twice. A charge's key is the payment's id. */
const refundKey = (paymentId: string) => `${paymentId}:refund`;
