import type { Clock, JobTrigger } from '@atlas/ports/application';
import type { Settlement } from '../../domain/settlement';
import { type PaymentRepository, SETTLEMENT_JOB } from '../ports';

/** Records the outcomes of attempts, in one transaction. */
export class RecordSettlements {
  constructor(
    private readonly payments: PaymentRepository,
    private readonly clock: Clock,
    private readonly jobs: JobTrigger,
  ) {}

  async execute(settlements: readonly Settlement[]): Promise<void> {
    const changes = new Map(settlements.map(({ paymentId, change }) => [paymentId, change]));
    const payments = await this.payments.updateAll([...changes.keys()], (payment) => {
      const change = changes.get(payment.id);
      if (!change) throw new Error(`Payment ${payment.id} has no settlement to record`);
      return change(payment);
    });
    // A charge that is no longer wanted is refunded at once.
    const now = this.clock.now();
    if (payments.some((payment) => payment.isDue(now))) this.jobs.trigger(SETTLEMENT_JOB);
  }
}
