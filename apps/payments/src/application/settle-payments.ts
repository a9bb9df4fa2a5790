import type { Clock } from '@atlas/ports';
import type { Payment, PaymentChange } from '../domain/payment';
import type { ChargeRecord, PaymentProvider, PaymentRepository } from './ports';

export interface SettlementPolicy {
  /** How long a claim lasts, milliseconds: longer than any answer of the provider takes. */
  readonly leaseMs: number;
  /** After so many attempts without an answer a payment fails, if the provider confirms that nothing was charged. */
  readonly maxAttempts: number;
  /** The longest wait before the next attempt, milliseconds, given how many there were. */
  readonly backoffMs: (attempts: number) => number;
}

/** What an attempt came to, to be recorded. */
export interface Settlement {
  readonly paymentId: string;
  readonly change: (payment: Payment) => PaymentChange;
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

  claim(limit: number): Promise<readonly Payment[]> {
    return this.payments.claimDue(limit, this.policy.leaseMs);
  }

  /** Never rejects: an error of the provider's is an unknown outcome, and the payment is tried again. */
  async attempt(payment: Payment): Promise<Settlement> {
    return { paymentId: payment.id, change: await this.ask(payment).catch(() => this.later(payment)) };
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
    const { id, status, amount, paymentToken, chargeId, cancelRequested } = payment.snapshot();
    if (status === 'refunding' && chargeId) {
      const refund = await this.provider.refund(id, chargeId, amount);
      return refund.kind === 'refunded'
        ? (current) => current.refunded(refund.refundId)
        : this.later(payment);
    }
    if (cancelRequested) return this.believe(payment, await this.provider.lookup(id));
    const charge = await this.provider.charge(id, amount, paymentToken);
    return this.believe(payment, charge.kind === 'unknown' ? await this.provider.lookup(id) : charge);
  }

  private believe(payment: Payment, record: ChargeRecord): Settlement['change'] {
    const { attempts, cancelRequested } = payment.snapshot();
    switch (record.kind) {
      case 'approved':
        return (current) => current.captured(record.chargeId, this.clock.now());
      case 'declined':
        return (current) => current.declined(record.reason);
      case 'not-charged':
        if (cancelRequested) return (current) => current.voided();
        if (attempts < this.policy.maxAttempts) return this.later(payment);
        return (current) => current.failed(`the provider did not answer in ${attempts} attempts`);
      case 'unknown':
        return this.later(payment);
    }
  }

  private later(payment: Payment): Settlement['change'] {
    // Full jitter, so that what failed together does not come again together.
    const waitMs = Math.random() * this.policy.backoffMs(payment.snapshot().attempts);
    return (current) => current.postponed(new Date(this.clock.now().getTime() + waitMs));
  }
}
