import type { Clock } from '@atlas/ports/application';
import type { Payment, PaymentChange } from '../../domain/payment';
import type {
  BookDifference,
  PaymentProvider,
  PaymentRepository,
  ProviderBooks,
  Statement,
  StatementLine,
  StatementPage,
} from '../ports';

/** How a reconciliation went. */
export interface Reconciled {
  /** How many lines were new. */
  readonly lines: number;
  /** How many of them told a payment something that it did not know. */
  readonly settled: number;
  /** Charges that were one too many, and are given back now. */
  readonly givenBack: number;
}

/**
 * Reads on in the provider's books and makes the payments agree with them: what the provider has moved is a fact,
 * whoever of us was told at the time. So it settles a charge whose worker died before it could record it, also when
 * the payment was given up meanwhile: then it goes back. Every step may be repeated, and by several replicas at once.
 */
export class ReconcileBooks {
  constructor(
    private readonly books: ProviderBooks,
    private readonly payments: PaymentRepository,
    private readonly statement: Statement,
    private readonly provider: PaymentProvider,
    private readonly clock: Clock,
  ) {}

  /** @throws if the provider is in no state to answer; what was read until then is kept. */
  async execute(): Promise<Reconciled> {
    let lines = 0;
    let settled = 0;
    for (;;) {
      const page = await this.books.read(await this.statement.position());
      if (page.lines.length === 0) break;
      settled += await this.apply(page);
      // Behind their effect: if this process dies in between, the page is read and applied once more.
      await this.statement.append(page);
      lines += page.lines.length;
    }
    return { lines, settled, givenBack: await this.giveBackSurplus() };
  }

  position(): Promise<string | undefined> {
    return this.statement.position();
  }

  differences(): Promise<readonly BookDifference[]> {
    return this.statement.differences();
  }

  /** Charges first: the books have a refund behind its charge, but one page may hold both. */
  private async apply({ lines }: StatementPage): Promise<number> {
    const at = this.clock.now();
    const charges = await this.update(lines, 'charge', (payment, line) => payment.charged(line.chargeId, at));
    const refunds = await this.update(lines, 'refund', (payment, line) =>
      payment.snapshot().chargeId === line.chargeId
        ? payment.refunded(line.id, at)
        : { next: payment, events: [] },
    );
    return charges + refunds;
  }

  private async update(
    lines: readonly StatementLine[],
    kind: StatementLine['kind'],
    change: (payment: Payment, line: StatementLine) => PaymentChange,
  ): Promise<number> {
    // Of two charges for one payment the first is its own; the other is a surplus.
    const news = new Map<string, StatementLine>();
    for (const line of lines) {
      if (line.kind === kind && isOurs(line) && !news.has(line.reference)) news.set(line.reference, line);
    }
    if (news.size === 0) return 0;
    let changed = 0;
    await this.payments.update([...news.keys()], (payment) => {
      const line = news.get(payment.id);
      if (!line?.amount.equals(payment.snapshot().amount)) return { next: payment, events: [] };
      const made = change(payment, line);
      if (made.next !== payment) changed += 1;
      return made;
    });
    return changed;
  }

  private async giveBackSurplus(): Promise<number> {
    let givenBack = 0;
    for (const { chargeId, amount } of await this.statement.surplusCharges()) {
      const refund = await this.provider.refund(`${chargeId}:surplus`, chargeId, amount);
      if (refund.kind === 'refunded') givenBack += 1;
    }
    return givenBack;
  }
}

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Payments' ids are UUIDs; whoever else uses the account at the provider may name charges as they like. */
const isOurs = ({ reference }: StatementLine): boolean => UUID.test(reference);
