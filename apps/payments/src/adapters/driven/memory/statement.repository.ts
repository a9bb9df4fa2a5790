import type { MemoryTable, MemoryUnitOfWork } from '@atlas/testing';
import { type MissingMovement, Statement, type StatementPage } from '../../../application/ports';
import type { StatementLine } from '../../../domain/statement';
import type { MemoryPaymentRepository } from './payments.repository';

interface Row {
  readonly line: StatementLine;
  readonly isUnmatched: boolean;
}

export class MemoryStatement extends Statement {
  private readonly rows: MemoryTable<Row>;
  private readonly positions: MemoryTable<string>;

  constructor(
    private readonly unitOfWork: MemoryUnitOfWork,
    private readonly payments: MemoryPaymentRepository,
  ) {
    super();
    this.rows = unitOfWork.database.table('statement_line');
    this.positions = unitOfWork.database.table('statement_position');
  }

  position(): Promise<string | undefined> {
    return this.unitOfWork.run(async () => this.unitOfWork.current.get(this.positions, 'single'));
  }

  append({ lines, next }: StatementPage, unmatched: readonly string[]): Promise<void> {
    return this.unitOfWork.run(async () => {
      const { current } = this.unitOfWork;
      for (const line of lines) {
        if (current.get(this.rows, line.id)) continue;
        current.set(this.rows, line.id, { line, isUnmatched: unmatched.includes(line.id) });
      }
      current.set(this.positions, 'single', next);
    });
  }

  unmatchedCharges(): Promise<readonly StatementLine[]> {
    return this.unitOfWork.run(async () => {
      const rows = this.unitOfWork.current.rows(this.rows);
      const refunded = new Set(
        rows.filter(({ line }) => line.kind === 'refund').map(({ line }) => line.chargeId),
      );
      return rows
        .filter(({ line, isUnmatched }) => isUnmatched && !refunded.has(line.chargeId))
        .map(({ line }) => line)
        .sort((a, b) => a.at.getTime() - b.at.getTime() || (a.id < b.id ? -1 : 1));
    });
  }

  missing(before: Date, limit: number): Promise<readonly MissingMovement[]> {
    return this.unitOfWork.run(async () => {
      const payments = (await this.payments.list()).map((payment) => payment.snapshot());
      return payments
        .filter(({ changedAt }) => changedAt < before)
        .flatMap(({ id: paymentId, chargeId, refundId }) => [
          ...(chargeId === undefined ? [] : [{ kind: 'charge' as const, id: chargeId, paymentId }]),
          ...(refundId === undefined ? [] : [{ kind: 'refund' as const, id: refundId, paymentId }]),
        ])
        .filter(({ id }) => !this.unitOfWork.current.get(this.rows, id))
        .slice(0, limit);
    });
  }
}
