import type { Clock, JobTrigger } from '@atlas/ports/application';
import type { Payment, PaymentChange } from '../../domain/payment';
import {
  type PaymentProvider,
  type PaymentRepository,
  type ProviderBooks,
  SETTLEMENT_JOB,
  type Statement,
  type StatementLine,
  type StatementPage,
} from '../ports';

/** The result of a reconciliation. */
export interface Reconciliation {
  /** How many lines were new. */
  readonly lines: number;
  /** How many payments they changed. */
  readonly settled: number;
  /** How many surplus charges were refunded. */
  readonly refunded: number;
}

/**
 * Reads what is new in the provider's books and makes the payments agree with it: what the provider has moved is a
 * fact, even if none of our processes learnt it at the time. This settles a charge whose process died before it could
 * record it; if the payment was given up meanwhile, the charge is refunded. Every step may be repeated, and run in
 * several replicas at once.
 */
export class ReconcileBooks {
  constructor(
    private readonly books: ProviderBooks,
    private readonly payments: PaymentRepository,
    private readonly statement: Statement,
    private readonly provider: PaymentProvider,
    private readonly clock: Clock,
    private readonly jobs: JobTrigger,
  ) {}

  /** @throws if the provider is unavailable; what was read until then is kept. */
  async execute(): Promise<Reconciliation> {
    let lines = 0;
    let settled = 0;
    for (;;) {
      const page = await this.books.read(await this.statement.position());
      if (page.lines.length === 0) break;
      settled += await this.apply(page);
      // Only after its lines took effect: if this process dies in between, the page is read and applied again.
      await this.statement.append(page);
      lines += page.lines.length;
    }
    return { lines, settled, refunded: await this.refundSurplus() };
  }

  /** Charges first: in the books a refund follows its charge, but one page may hold both. */
  private async apply({ lines }: StatementPage): Promise<number> {
    const at = this.clock.now();
    const charges = await this.update(lines, 'charge', (payment, line) => payment.charged(line.chargeId, at));
    const refunds = await this.update(lines, 'refund', (payment, line) =>
      payment.snapshot().chargeId === line.chargeId ? payment.refunded(line.id, at) : payment.unchanged(),
    );
    return charges + refunds;
  }

  private async update(
    lines: readonly StatementLine[],
    kind: StatementLine['kind'],
    change: (payment: Payment, line: StatementLine) => PaymentChange,
  ): Promise<number> {
    // Of two charges for one payment the first belongs to it; the other is a surplus.
    const firstLines = new Map<string, StatementLine>();
    for (const line of lines) {
      if (line.kind === kind && isOurs(line) && !firstLines.has(line.reference)) {
        firstLines.set(line.reference, line);
      }
    }
    if (firstLines.size === 0) return 0;
    let count = 0;
    const payments = await this.payments.updateAll([...firstLines.keys()], (payment) => {
      const line = firstLines.get(payment.id);
      if (!line?.amount.equals(payment.snapshot().amount)) return payment.unchanged();
      const changed = change(payment, line);
      if (changed.next !== payment) count += 1;
      return changed;
    });
    const now = this.clock.now();
    if (payments.some((payment) => payment.isDue(now))) this.jobs.trigger(SETTLEMENT_JOB);
    return count;
  }

  private async refundSurplus(): Promise<number> {
    let refunded = 0;
    for (const { chargeId, amount } of await this.statement.surplusCharges()) {
      const refund = await this.provider.refund(`${chargeId}:surplus`, chargeId, amount);
      if (refund.kind === 'refunded') refunded += 1;
    }
    return refunded;
  }
}

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** A payment's id is a UUID; other users of our account at the provider may choose any reference. */
const isOurs = ({ reference }: StatementLine): boolean => UUID.test(reference);
