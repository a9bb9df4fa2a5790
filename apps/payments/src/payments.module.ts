import { type DynamicModule, Module } from '@nestjs/common';
import { EventLogModule } from '@atlas/adapters/event-log';
import { JobsModule } from '@atlas/adapters/jobs';
import { provide, serve, value } from '@atlas/adapters/nest';
import { PostgresModule, PostgresUnitOfWork } from '@atlas/adapters/postgres';
import { Outbox } from '@atlas/ports/adapters';
import { Clock, JobTrigger, Random } from '@atlas/ports/application';
import { Resilience, ResilienceModule } from '@atlas/resilience';
import context from '../context.json';
import { LedgerEntryEntity, LedgerTransactionEntity } from './adapters/driven/postgres/ledger.mapping';
import { PostgresLedger } from './adapters/driven/postgres/ledger.repository';
import { Payments1795737700000 } from './adapters/driven/postgres/migrations/1-payments';
import { PaymentEntity } from './adapters/driven/postgres/payment.mapping';
import { PostgresPaymentRepository } from './adapters/driven/postgres/payments.repository';
import { PostgresStatement } from './adapters/driven/postgres/statement.repository';
import { HttpPaymentProvider } from './adapters/driven/provider/http-provider';
import { HttpProviderBooks } from './adapters/driven/provider/http-provider-books';
import { ProviderClient } from './adapters/driven/provider/provider-client';
import { MAX_OPEN, providerPolicies, sufficientLease } from './adapters/driven/provider/provider-policies';
import { OrdersHandler } from './adapters/driving/events/orders.handler';
import { LedgerController } from './adapters/driving/http/ledger.controller';
import { PaymentsController } from './adapters/driving/http/payments.controller';
import { ReconciliationController } from './adapters/driving/http/reconciliation.controller';
import { ReconcileBooksJob } from './adapters/driving/jobs/reconcile-books.job';
import { SettlePaymentJob } from './adapters/driving/jobs/settle-payment.job';
import { CancelPayment } from './application/commands/cancel-payment';
import { ClaimDuePayments } from './application/commands/claim-due-payments';
import { ReconcileBooks } from './application/commands/reconcile-books';
import { RecordSettlements } from './application/commands/record-settlements';
import { RefundPayment } from './application/commands/refund-payment';
import { RequestPayment } from './application/commands/request-payment';
import { BACKOFF, SettlePayment } from './application/commands/settle-payment';
import {
  Ledger,
  PaymentProvider,
  PaymentRepository,
  ProviderBooks,
  SETTLEMENT_JOB,
  Statement,
} from './application/ports';
import { GetBalances } from './application/queries/get-balances';
import { GetPayment } from './application/queries/get-payment';
import { GetReconciliation } from './application/queries/get-reconciliation';
import type { PaymentsSettings } from './payments.settings';

@Module({})
export class PaymentsModule {
  static register(settings: PaymentsSettings): DynamicModule {
    const policies = providerPolicies(settings.PROVIDER_TIMEOUT_MS);
    const lease = value(sufficientLease(settings.PAYMENT_LEASE_MS, policies));
    const settlement = value({ maxCharges: settings.PAYMENT_MAX_ATTEMPTS, ...BACKOFF });

    const commands = [
      provide(RequestPayment, PaymentRepository, Clock, JobTrigger),
      provide(CancelPayment, PaymentRepository, Clock, JobTrigger),
      provide(RefundPayment, PaymentRepository, Clock, JobTrigger),
      provide(ClaimDuePayments, PaymentRepository, PaymentProvider, Clock, lease),
      provide(SettlePayment, PaymentProvider, Clock, Random, settlement),
      provide(RecordSettlements, PaymentRepository, Clock, JobTrigger),
      provide(
        ReconcileBooks,
        ProviderBooks,
        PaymentRepository,
        Statement,
        PaymentProvider,
        Clock,
        JobTrigger,
      ),
    ];
    const queries = [
      provide(GetPayment, PaymentRepository),
      provide(GetBalances, Ledger),
      provide(GetReconciliation, Statement, PaymentRepository, Clock),
    ];
    const jobs = [
      {
        name: SETTLEMENT_JOB,
        everyMs: 250,
        maxOpen: MAX_OPEN,
        claim: ClaimDuePayments,
        work: SettlePaymentJob,
        record: RecordSettlements,
      },
      { name: 'reconcile-books', everyMs: settings.RECONCILE_EVERY_MS, command: ReconcileBooksJob },
    ];
    const ports = [
      serve(PaymentRepository, PostgresPaymentRepository, PostgresUnitOfWork, Outbox),
      serve(Ledger, PostgresLedger, PostgresUnitOfWork),
      serve(Statement, PostgresStatement, PostgresUnitOfWork),
      serve(PaymentProvider, HttpPaymentProvider, ProviderClient, Resilience),
      serve(ProviderBooks, HttpProviderBooks, ProviderClient, Resilience),
      provide(ProviderClient, value(settings.PROVIDER_URL), value(2 * MAX_OPEN)),
    ];

    return {
      module: PaymentsModule,
      imports: [
        PostgresModule.register(settings, {
          entities: [PaymentEntity, LedgerTransactionEntity, LedgerEntryEntity],
          migrations: [Payments1795737700000],
        }),
        EventLogModule.register(context.name, settings),
        ResilienceModule.register(policies),
        JobsModule.register({ jobs }),
      ],
      controllers: [PaymentsController, LedgerController, ReconciliationController, OrdersHandler],
      providers: [...commands, ...queries, ...ports, SettlePaymentJob, ReconcileBooksJob],
    };
  }
}
