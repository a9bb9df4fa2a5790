import { Clock, JobTrigger, Random } from '@atlas/ports/application';
import { eventually } from '@atlas/testing';
import type { Token } from '@atlas/testing/context';
import { ClaimDuePayments } from '../src/application/commands/claim-due-payments';
import { RecordSettlements } from '../src/application/commands/record-settlements';
import { SettlePayment } from '../src/application/commands/settle-payment';
import { PaymentProvider, PaymentRepository } from '../src/application/ports';
import type { Payment } from '../src/domain/payment';
import type { Settlement } from '../src/domain/settlement';

interface Replica {
  get<T>(token: Token<T>): T;
}

/** The settlement job of a replica, which can be paused: it claims nothing then. */
export class SettlementWorker {
  private isPaused = false;
  private open = 0;
  private claiming: Promise<unknown> = Promise.resolve();

  constructor(replica: Replica) {
    const [claim, record] = [replica.get(ClaimDuePayments), replica.get(RecordSettlements)];
    const [claimDue, recordAll] = [claim.execute.bind(claim), record.execute.bind(record)];
    claim.execute = (limit) => {
      if (this.isPaused) return Promise.resolve([]);
      const claimed = claimDue(limit).then((payments) => {
        this.open += payments.length;
        return payments;
      });
      this.claiming = claimed.catch(() => {});
      return claimed;
    };
    record.execute = async (settlements) => {
      await recordAll(settlements);
      this.open -= settlements.length;
    };
  }

  /** Resolves once what it had claimed is recorded. */
  async pause(): Promise<void> {
    this.isPaused = true;
    await this.claiming;
    await eventually(() => this.open === 0);
  }

  resume(): void {
    this.isPaused = false;
  }
}

/** A worker of another process on a replica's data, which goes no further than the test tells it to. */
export class ManualWorker {
  private readonly claimDuePayments: ClaimDuePayments;
  private readonly settlePayment: SettlePayment;
  private readonly recordSettlements: RecordSettlements;

  constructor(
    replica: Replica,
    { leaseMs, provider = replica.get(PaymentProvider) }: { leaseMs: number; provider?: PaymentProvider },
  ) {
    const [payments, clock] = [replica.get(PaymentRepository), replica.get(Clock)];
    this.claimDuePayments = new ClaimDuePayments(payments, provider, clock, leaseMs);
    this.settlePayment = new SettlePayment(provider, clock, replica.get(Random), {
      maxCharges: 3,
      backoffMs: () => 0,
    });
    this.recordSettlements = new RecordSettlements(payments, clock, replica.get(JobTrigger));
  }

  claim(limit: number): Promise<readonly Payment[]> {
    return this.claimDuePayments.execute(limit);
  }

  attempt(payment: Payment): Promise<Settlement> {
    return this.settlePayment.execute(payment);
  }

  record(settlements: readonly Settlement[]): Promise<void> {
    return this.recordSettlements.execute(settlements);
  }
}
