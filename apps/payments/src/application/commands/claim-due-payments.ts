import type { Clock } from '@atlas/ports/application';
import type { Payment } from '../../domain/payment';
import type { PaymentProvider, PaymentRepository } from '../ports';

/**
 * Claims payments that are due, so that no other replica works on them until the claim ends. A process that dies leaves
 * claims that end by themselves; then the same question is asked again, under the same key.
 */
export class ClaimDuePayments {
  constructor(
    private readonly payments: PaymentRepository,
    private readonly provider: PaymentProvider,
    private readonly clock: Clock,
    /** How long a claim lasts, milliseconds: longer than an attempt may take. */
    private readonly leaseMs: number,
  ) {}

  /** Claims at most `limit` payments, and none while the provider is unavailable. */
  async execute(limit: number): Promise<readonly Payment[]> {
    const count = Math.min(limit, this.provider.capacity());
    if (count <= 0) return [];
    const now = this.clock.now();
    return this.payments.updateDue(now, count, (payment) => payment.claim(now, this.leaseMs));
  }
}
