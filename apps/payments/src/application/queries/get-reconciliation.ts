import type { Clock } from '@atlas/ports/application';
import { type BookDifference, differenceOf, SETTLES_WITHIN_MS } from '../../domain/statement';
import type { PaymentRepository, Statement } from '../ports';

/** How many differences are listed. */
const MOST = 100;

export interface ReconciliationStatus {
  /** The position up to which the provider's books have been read; undefined: nothing has been read. */
  readonly position: string | undefined;
  /** At most 100. */
  readonly differences: readonly BookDifference[];
}

/**
 * How far the provider's books have been read, and where they differ from ours.
 *
 * why: its statements may see different moments; a difference that is real is still there at the next read.
 */
export class GetReconciliation {
  constructor(
    private readonly statement: Statement,
    private readonly payments: PaymentRepository,
    private readonly clock: Clock,
  ) {}

  async execute(): Promise<ReconciliationStatus> {
    const [position, unmatched, missing] = await Promise.all([
      this.statement.position(),
      this.unmatched(),
      this.missing(),
    ]);
    return { position, differences: [...unmatched, ...missing].slice(0, MOST) };
  }

  private async unmatched(): Promise<readonly BookDifference[]> {
    const charges = await this.statement.unmatchedCharges();
    const payments = await this.payments.getAll(charges.map(({ reference }) => reference));
    const byId = new Map(payments.map((payment) => [payment.id, payment]));
    return charges.flatMap((charge) => {
      const { id, reference } = charge;
      const kind = differenceOf(charge, byId.get(reference));
      return kind ? [{ kind, id, reference }] : [];
    });
  }

  private async missing(): Promise<readonly BookDifference[]> {
    const before = new Date(this.clock.now().getTime() - SETTLES_WITHIN_MS);
    const missing = await this.statement.missing(before, MOST);
    return missing.map(({ kind, id, paymentId }) => ({ kind: `missing-${kind}`, id, reference: paymentId }));
  }
}
