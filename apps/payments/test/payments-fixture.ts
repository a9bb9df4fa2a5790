import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { Money } from '@atlas/kernel';
import { Clock } from '@atlas/ports/application';
import { createService, loadConfig, startService } from '@atlas/service';
import { createTestDatabase, eventually, type TestDatabase } from '@atlas/testing';
import { DataSource } from 'typeorm';
import { SettlePaymentsJob } from '../src/adapters/driving/jobs/settle-payments.job';
import { PaymentProvider, PaymentRepository } from '../src/application/ports';
import { ReconcileBooks } from '../src/application/commands/reconcile-books';
import { RequestPayment } from '../src/application/commands/request-payment';
import { SettlePayments } from '../src/application/commands/settle-payments';
import type { PaymentState } from '../src/domain/payment';
import { paymentsApp } from '../src/payments.app';
import { ProviderProcess } from './provider-process';

export const PRICE = 487;

/** Payments with its real database and the real provider, without orders: what they would tell is told by hand. */
export class PaymentsFixture {
  private constructor(
    readonly app: NestFastifyApplication,
    readonly provider: ProviderProcess,
    private readonly databases: readonly TestDatabase[],
  ) {}

  /** Its books are reconciled by hand; @param env settings beside that. */
  static async start(env: Readonly<Record<string, string>> = {}): Promise<PaymentsFixture> {
    const databases = [await createTestDatabase(), await createTestDatabase()] as const;
    const provider = await ProviderProcess.start();
    const settings = loadConfig(paymentsApp.settings, {
      PORT: '0',
      DATABASE_URL: databases[0].url,
      EVENT_LOG_URL: databases[1].url,
      LOG_LEVEL: 'fatal',
      PROVIDER_URL: provider.url,
      RECONCILE_EVERY_MS: '3600000',
      ...env,
    });
    const app = await createService(paymentsApp, settings);
    await startService(app, settings);
    return new PaymentsFixture(app, provider, databases);
  }

  query<Row>(sql: string, parameters: unknown[] = []): Promise<Row[]> {
    return this.app.get(DataSource).query(sql, parameters);
  }

  request(orderId: string, paymentToken = 'tok_approve'): Promise<void> {
    return this.app.get(RequestPayment).execute({ orderId, amount: Money.of(PRICE), paymentToken });
  }

  async read(id: string): Promise<PaymentState> {
    return (await this.app.get(PaymentRepository).find(id))!.snapshot();
  }

  reaches(id: string, ...statuses: readonly string[]): Promise<PaymentState> {
    return eventually(async () => {
      const payment = await this.read(id);
      return statuses.includes(payment.status) && payment;
    });
  }

  /** Its events, oldest first, each with its version. */
  async told(id: string): Promise<readonly string[]> {
    const rows = await this.query<{ type: string; version: number }>(
      `SELECT headers ->> 'ce_type' AS type, aggregate_version AS version FROM outbox WHERE aggregate_id = $1 ORDER BY id`,
      [id],
    );
    return rows.map(({ type, version }) => `${type.replace('payments.payment-', '')} ${version}`);
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
      await this.app.get(ReconcileBooks).execute();
      const rows = await this.query(`SELECT FROM statement_line WHERE charge_id = $1 AND kind = 'refund'`, [
        chargeId,
      ]);
      return rows.length > 0;
    });
  }

  /** A worker of another process, whose claims last no time: as if it stood still for longer. */
  pausedWorker(): SettlePayments {
    const { app } = this;
    return new SettlePayments(app.get(PaymentRepository), app.get(PaymentProvider), app.get(Clock), {
      leaseMs: 1,
      maxCharges: 3,
      backoffMs: () => 0,
    });
  }

  get worker(): SettlePaymentsJob {
    return this.app.get(SettlePaymentsJob);
  }

  async end(): Promise<void> {
    await this.app.close();
    await this.provider.end();
    for (const database of this.databases) await database.drop();
  }
}
