import type { Money } from '@atlas/kernel';
import type { Clock } from '@atlas/ports/application';
import {
  type ChargeOutcome,
  type ChargeRecord,
  PaymentProvider,
  ProviderBooks,
  type RefundOutcome,
  type StatementPage,
} from '../../../application/ports';
import type { StatementLine } from '../../../domain/statement';

const NO_SUCH_CHARGE = { kind: 'declined', reason: 'there is no such charge' } as const;

/** A provider with the sandbox's cards: `tok_approve`, `tok_decline`, and `tok_timeout`, which is never answered. */
export class MemoryPaymentProvider extends PaymentProvider {
  /** Every movement of money, oldest first. */
  readonly lines: StatementLine[] = [];
  private readonly outcomes = new Map<string, ChargeOutcome>();

  constructor(private readonly clock: Clock) {
    super();
  }

  async charge(paymentId: string, amount: Money, paymentToken: string): Promise<ChargeOutcome> {
    if (paymentToken === 'tok_timeout') return { kind: 'unknown' };
    const outcome = this.outcomes.get(paymentId) ?? this.decide(paymentId, amount, paymentToken);
    this.outcomes.set(paymentId, outcome);
    return outcome;
  }

  async refund(_key: string, chargeId: string): Promise<RefundOutcome> {
    const charge = this.lines.find(({ id }) => id === chargeId);
    if (!charge) return NO_SUCH_CHARGE;
    const known = this.lines.find((line) => line.kind === 'refund' && line.chargeId === chargeId);
    return { kind: 'refunded', refundId: (known ?? this.move('refund', charge)).id };
  }

  async lookup(paymentId: string): Promise<ChargeRecord> {
    return this.outcomes.get(paymentId) ?? { kind: 'not-charged' };
  }

  /** Charges under a key of its own, as someone else who uses our account may. @returns the charge's id. */
  chargeElsewhere(reference: string, amount: Money): string {
    return this.move('charge', { reference, amount }).id;
  }

  private decide(reference: string, amount: Money, token: string): ChargeOutcome {
    if (token === 'tok_approve') {
      return { kind: 'approved', chargeId: this.move('charge', { reference, amount }).id };
    }
    const reason = token === 'tok_decline' ? 'insufficient funds' : `there is no token "${token}"`;
    return { kind: 'declined', reason };
  }

  private move(
    kind: StatementLine['kind'],
    { chargeId, reference, amount }: Pick<StatementLine, 'reference' | 'amount'> & { chargeId?: string },
  ): StatementLine {
    const id = `${kind === 'charge' ? 'ch' : 're'}_${this.lines.length + 1}`;
    const line = { id, kind, chargeId: chargeId ?? id, reference, amount, at: this.clock.now() };
    this.lines.push(line);
    return line;
  }
}

export class MemoryProviderBooks extends ProviderBooks {
  constructor(
    private readonly provider: MemoryPaymentProvider,
    private readonly pageSize = 500,
  ) {
    super();
  }

  async read(after = '0'): Promise<StatementPage> {
    const lines = this.provider.lines.slice(Number(after), Number(after) + this.pageSize);
    return { lines, next: String(Number(after) + lines.length) };
  }
}
