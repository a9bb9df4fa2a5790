import { Money } from '@atlas/kernel';
import { eventually } from '@atlas/testing';
import { type Context, type ContextOptions, startContext, type Token } from '@atlas/testing/context';
import { PaymentRepository } from '../src/application/ports';
import { ReconcileBooks } from '../src/application/commands/reconcile-books';
import { RequestPayment } from '../src/application/commands/request-payment';
import type { PaymentState } from '../src/domain/payment';
import { paymentsApp } from '../src/payments.app';
import { PRICE } from './builders';
import { ProviderProcess } from './provider-process';
import { ManualWorker, SettlementWorker } from './workers';

/** Payments, with the real provider, a process, beside it. Its books are reconciled when the test says so. */
export class RunningPayments {
  private readonly workers: readonly SettlementWorker[];

  private constructor(
    readonly context: Context,
    readonly provider: ProviderProcess,
  ) {
    this.workers = context.replicas.map((replica) => new SettlementWorker(replica));
  }

  static async start({ env, ...options }: ContextOptions = {}): Promise<RunningPayments> {
    const provider = await ProviderProcess.start();
    const context = await startContext(paymentsApp, {
      ...options,
      env: { PROVIDER_URL: provider.url, RECONCILE_EVERY_MS: '3600000', ...env },
    });
    return new RunningPayments(context, provider);
  }

  get<T>(token: Token<T>): T {
    return this.context.get(token);
  }

  query<Row>(sql: string, parameters: readonly unknown[] = []): Promise<Row[]> {
    return this.context.query(sql, parameters);
  }

  request(orderId: string, paymentToken = 'tok_approve'): Promise<void> {
    return this.get(RequestPayment).execute({ orderId, amount: Money.of(PRICE), paymentToken });
  }

  async read(id: string): Promise<PaymentState> {
    return (await this.get(PaymentRepository).get(id))!.snapshot();
  }

  reaches(id: string, ...statuses: readonly string[]): Promise<PaymentState> {
    return eventually(async () => {
      const payment = await this.read(id);
      return statuses.includes(payment.status) && payment;
    });
  }

  /** Minor units that the ledger says the provider holds for us. */
  async booked(id?: string): Promise<number> {
    const [row] = await this.query<{ held: string }>(
      `SELECT coalesce(sum(debit - credit), 0) AS held FROM ledger_entry JOIN ledger_transaction ON id = transaction_id
       WHERE account = 'provider-clearing' AND payment_id = coalesce($1, payment_id)`,
      [id],
    );
    return Number(row?.held);
  }

  /** Reads the provider's books to what was moved last: other transactions of the server hold back what they show. */
  async reconcile(): Promise<void> {
    const marker = `marker-${Date.now()}-${Math.random()}`;
    const chargeId = await this.provider.charge(marker, marker, 1);
    await this.provider.refund(chargeId);
    await eventually(async () => {
      await this.get(ReconcileBooks).execute();
      const rows = await this.query(`SELECT FROM statement_line WHERE charge_id = $1 AND kind = 'refund'`, [
        chargeId,
      ]);
      return rows.length > 0;
    });
  }

  /** Resolves once the replicas have recorded what they had claimed; they claim no more until they are resumed. */
  async pauseWorkers(): Promise<void> {
    for (const worker of this.workers) await worker.pause();
  }

  resumeWorkers(): void {
    for (const worker of this.workers) worker.resume();
  }

  /** A worker of another process, whose claims end at once, as if it had been paused for longer. */
  pausedWorker(): ManualWorker {
    return new ManualWorker(this.context, { leaseMs: 1 });
  }

  async stop(): Promise<void> {
    await this.context.stop();
    await this.provider.end();
  }
}
