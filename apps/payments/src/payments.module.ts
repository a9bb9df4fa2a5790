import { type DynamicModule, Module, type OnApplicationShutdown } from '@nestjs/common';
import { EventLogModule } from '@atlas/adapters/event-log';
import { provide } from '@atlas/adapters/nest';
import { PostgresModule, PostgresUnitOfWork } from '@atlas/adapters/postgres';
import { Outbox } from '@atlas/ports/adapters';
import { Clock } from '@atlas/ports/application';
import { Resilience, ResilienceModule } from '@atlas/resilience';
import { ConfigError } from '@atlas/service';
import { DataSource } from 'typeorm';
import { OrdersHandler } from './adapters/driving/events/orders.handler';
import { PaymentsController } from './adapters/driving/http/payments.controller';
import { ReconciliationController } from './adapters/driving/http/reconciliation.controller';
import { InProcessDueSignal, SettlePaymentsJob } from './adapters/driving/jobs/settle-payments.job';
import { ReconcileBooksJob } from './adapters/driving/jobs/reconcile-books.job';
import { PostgresLedger } from './adapters/driven/postgres/ledger.repository';
import { Payments1795737700000 } from './adapters/driven/postgres/migrations/1-payments';
import { PaymentEntity } from './adapters/driven/postgres/payment.entity';
import { PostgresPaymentRepository } from './adapters/driven/postgres/payments.repository';
import { PostgresStatement } from './adapters/driven/postgres/statement.repository';
import { HttpPaymentProvider, MAX_OPEN, providerPolicies } from './adapters/driven/provider/http-provider';
import { HttpProviderBooks } from './adapters/driven/provider/http-provider-books';
import { ProviderClient } from './adapters/driven/provider/provider-client';
import { CancelPayment } from './application/commands/cancel-payment';
import { FindPayment } from './application/queries/find-payment';
import {
  DueSignal,
  Ledger,
  PaymentProvider,
  PaymentRepository,
  ProviderBooks,
  Statement,
} from './application/ports';
import { ReconcileBooks } from './application/commands/reconcile-books';
import { RefundPayment } from './application/commands/refund-payment';
import { RequestPayment } from './application/commands/request-payment';
import { SettlePayments } from './application/commands/settle-payments';
import type { PaymentsSettings } from './payments.settings';

@Module({})
export class PaymentsModule implements OnApplicationShutdown {
  constructor(private readonly client: ProviderClient) {}

  static register(settings: PaymentsSettings): DynamicModule {
    return {
      module: PaymentsModule,
      imports: [
        PostgresModule.register({
          url: settings.DATABASE_URL,
          entities: [PaymentEntity],
          migrations: [Payments1795737700000],
        }),
        EventLogModule.register('payments', settings),
        ResilienceModule.register(providerPolicies(settings.PROVIDER_TIMEOUT_MS)),
      ],
      controllers: [PaymentsController, ReconciliationController, OrdersHandler],
      providers: [
        InProcessDueSignal,
        { provide: DueSignal, useExisting: InProcessDueSignal },
        {
          ...provide(PostgresPaymentRepository, PostgresUnitOfWork, Outbox, DueSignal),
          provide: PaymentRepository,
        },
        { ...provide(PostgresLedger, PostgresUnitOfWork), provide: Ledger },
        { ...provide(PostgresStatement, DataSource), provide: Statement },
        { provide: ProviderClient, useValue: new ProviderClient(settings.PROVIDER_URL, 2 * MAX_OPEN) },
        { ...provide(HttpPaymentProvider, ProviderClient, Resilience), provide: PaymentProvider },
        { ...provide(HttpProviderBooks, ProviderClient, Resilience), provide: ProviderBooks },
        {
          provide: SettlePayments,
          useFactory: (
            payments: PaymentRepository,
            provider: PaymentProvider,
            clock: Clock,
            resilience: Resilience,
          ) =>
            new SettlePayments(payments, provider, clock, {
              leaseMs: leaseFor(resilience, settings.PAYMENT_LEASE_MS),
              maxCharges: settings.PAYMENT_MAX_ATTEMPTS,
              backoffMs: (attempts) => Math.min(30_000, 100 * 2 ** attempts),
              outageBackoffMs: 2_000,
            }),
          inject: [PaymentRepository, PaymentProvider, Clock, Resilience],
        },
        provide(RequestPayment, PaymentRepository, Clock),
        provide(CancelPayment, PaymentRepository, Clock),
        provide(RefundPayment, PaymentRepository, Clock),
        provide(FindPayment, PaymentRepository, Ledger),
        provide(ReconcileBooks, ProviderBooks, PaymentRepository, Statement, PaymentProvider, Clock),
        SettlePaymentsJob,
        {
          provide: ReconcileBooksJob,
          useFactory: (reconcileBooks: ReconcileBooks) =>
            new ReconcileBooksJob(reconcileBooks, settings.RECONCILE_EVERY_MS),
          inject: [ReconcileBooks],
        },
      ],
    };
  }

  async onApplicationShutdown(): Promise<void> {
    await this.client.close();
  }
}

/** An attempt is at most a call and a question: a lease that ends before them would have others repeat it in vain. */
function leaseFor(resilience: Resilience, leaseMs: number): number {
  const attemptMs = ['provider', 'providerReads']
    .map((dependency) => resilience.policy(dependency).settings.deadline)
    .reduce((sum, { enabled, ms }) => sum + (enabled ? ms : Infinity), 0);
  if (leaseMs > attemptMs) return leaseMs;
  throw new ConfigError(
    `PAYMENT_LEASE_MS is ${leaseMs}, and an attempt may take ${attemptMs} ms: make it longer, or ` +
      'RESILIENCE_PROVIDER_DEADLINE_MS and RESILIENCE_PROVIDER_READS_DEADLINE_MS shorter.',
  );
}
