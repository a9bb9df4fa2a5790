import type { Clock, JobTrigger } from '@atlas/ports/application';
import type { Payment, PaymentChange } from '../../domain/payment';
import { differenceOf, type StatementLine } from '../../domain/statement';
import {
  type PaymentProvider,
  type PaymentRepository,
  type ProviderBooks,
  SETTLEMENT_JOB,
  type Statement,
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
      settled += await this.settle(page);
      lines += page.lines.length;
    }
    return { lines, settled, refunded: await this.refundSurplus() };
  }

  /** Charges first: in the books a refund follows its charge, but one page may hold both. */
  private async settle(page: StatementPage): Promise<number> {
    const at = this.clock.now();
    const charges = page.lines.filter(({ kind }) => kind === 'charge');
    const charged = await this.update(charges, (payment, line) => payment.charged(line.chargeId, at));
    const refunded = await this.update(
      page.lines.filter(({ kind }) => kind === 'refund'),
      (payment, line) =>
        payment.snapshot().chargeId === line.chargeId ? payment.refunded(line.id, at) : payment.unchanged(),
    );
    const unmatched = charges.filter((charge) =>
      differenceOf(charge, charged.payments.get(charge.reference)),
    );
    // Only after its lines took effect: if this process dies in between, the page is read and applied again.
    await this.statement.append(
      page,
      unmatched.map(({ id }) => id),
    );
    return charged.changed + refunded.changed;
  }

  /** @returns the payments that the lines refer to, and how many of them changed. */
  private async update(
    lines: readonly StatementLine[],
    change: (payment: Payment, line: StatementLine) => PaymentChange,
  ): Promise<{ readonly payments: ReadonlyMap<string, Payment>; readonly changed: number }> {
    // Of two charges for one payment the first belongs to it; the other is a surplus.
    const firstLines = new Map<string, StatementLine>();
    for (const line of lines) if (!firstLines.has(line.reference)) firstLines.set(line.reference, line);
    let changed = 0;
    const payments = await this.payments.updateAll([...firstLines.keys()], (payment) => {
      const line = firstLines.get(payment.id);
      if (!line?.amount.equals(payment.snapshot().amount)) return payment.unchanged();
      const changing = change(payment, line);
      if (changing.next !== payment) changed += 1;
      return changing;
    });
    const now = this.clock.now();
    if (payments.some((payment) => payment.isDue(now))) this.jobs.trigger(SETTLEMENT_JOB);
    return { payments: byId(payments), changed };
  }

  private async refundSurplus(): Promise<number> {
    const charges = await this.statement.unmatchedCharges();
    const payments = byId(await this.payments.getAll(charges.map(({ reference }) => reference)));
    let refunded = 0;
    for (const charge of charges) {
      if (differenceOf(charge, payments.get(charge.reference)) !== 'surplus-charge') continue;
      const { chargeId, amount } = charge;
      const refund = await this.provider.refund(`${chargeId}:surplus`, chargeId, amount);
      if (refund.kind === 'refunded') refunded += 1;
    }
    return refunded;
  }
}

const byId = (payments: readonly Payment[]): ReadonlyMap<string, Payment> =>
  new Map(payments.map((payment) => [payment.id, payment]));
