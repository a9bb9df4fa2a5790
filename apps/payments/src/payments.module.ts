import { type DynamicModule, Module, type OnApplicationShutdown } from '@nestjs/common';
import { EventLogModule } from '@atlas/adapters/event-log';
import { provide } from '@atlas/adapters/nest';
import { PostgresModule, PostgresUnitOfWork } from '@atlas/adapters/postgres';
import { Clock, Outbox } from '@atlas/ports';
import { Resilience, ResilienceModule } from '@atlas/resilience';
import { ConfigError } from '@atlas/service';
import { DataSource } from 'typeorm';
import { OrdersHandler } from './adapters/in/events/orders.handler';
import { PaymentsController } from './adapters/in/http/payments.controller';
import { ReconciliationController } from './adapters/in/http/reconciliation.controller';
import { InProcessDueSignal, PaymentWorker } from './adapters/in/worker/payment.worker';
import { ReconciliationWorker } from './adapters/in/worker/reconciliation.worker';
import { PostgresFormerCharges } from './adapters/out/postgres/former-charges.repository';
import { PostgresLedger } from './adapters/out/postgres/ledger.repository';
import { Payments1767225700000 } from './adapters/out/postgres/migrations/1-payments';
import { OutsideProvider1798329600000 } from './adapters/out/postgres/migrations/2-outside-provider';
import { PaymentEntity } from './adapters/out/postgres/payment.entity';
import { PostgresPaymentRepository } from './adapters/out/postgres/payments.repository';
import { PostgresStatement } from './adapters/out/postgres/statement.repository';
import { HttpPaymentProvider, MAX_OPEN, providerPolicies } from './adapters/out/provider/http-provider';
import { HttpNewProvider, HttpProviderBooks } from './adapters/out/provider/http-provider-books';
import { ProviderClient } from './adapters/out/provider/provider-client';
import { CancelPayment } from './application/cancel-payment';
import { FindPayment } from './application/find-payment';
import { HandOverCharges } from './application/hand-over-charges';
import {
  DueSignal,
  FormerCharges,
  Ledger,
  NewProvider,
  PaymentProvider,
  PaymentRepository,
  ProviderBooks,
  Statement,
} from './application/ports';
import { ReconcileBooks } from './application/reconcile-books';
import { RefundPayment } from './application/refund-payment';
import { RequestPayment } from './application/request-payment';
import { SettlePayments } from './application/settle-payments';
import type { PaymentsSettings } from './payments.settings';

@Module({})
export class PaymentsModule implements OnApplicationShutdown {
  constructor(private readonly client: ProviderClient) {}

  static with(settings: PaymentsSettings): DynamicModule {
    return {
      module: PaymentsModule,
      imports: [
        PostgresModule.with({
          url: settings.DATABASE_URL,
          entities: [PaymentEntity],
          migrations: [Payments1767225700000, OutsideProvider1798329600000],
        }),
        EventLogModule.with('payments', settings),
        ResilienceModule.with(providerPolicies(settings.PROVIDER_TIMEOUT_MS)),
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
        { ...provide(PostgresFormerCharges, DataSource), provide: FormerCharges },
        { provide: ProviderClient, useValue: new ProviderClient(settings.PROVIDER_URL, 2 * MAX_OPEN) },
        { ...provide(HttpPaymentProvider, ProviderClient, Resilience), provide: PaymentProvider },
        { ...provide(HttpProviderBooks, ProviderClient, Resilience), provide: ProviderBooks },
        { ...provide(HttpNewProvider, ProviderClient, Resilience), provide: NewProvider },
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
        provide(HandOverCharges, FormerCharges, NewProvider),
        provide(ReconcileBooks, ProviderBooks, PaymentRepository, Statement, PaymentProvider, Clock),
        PaymentWorker,
        {
          provide: ReconciliationWorker,
          useFactory: (reconcileBooks: ReconcileBooks) =>
            new ReconciliationWorker(reconcileBooks, settings.RECONCILE_EVERY_MS),
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
