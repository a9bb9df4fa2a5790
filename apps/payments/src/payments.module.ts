import { type DynamicModule, Module } from '@nestjs/common';
import { EventLogModule } from '@atlas/adapters/event-log';
import { provide } from '@atlas/adapters/nest';
import { PostgresModule, PostgresUnitOfWork } from '@atlas/adapters/postgres';
import { Clock, Outbox } from '@atlas/ports';
import { DataSource } from 'typeorm';
import { OrdersHandler } from './adapters/in/events/orders.handler';
import { PaymentsController } from './adapters/in/http/payments.controller';
import { InProcessDueSignal, PaymentWorker } from './adapters/in/worker/payment.worker';
import { PostgresLedger } from './adapters/out/postgres/ledger.repository';
import { Payments1767225700000 } from './adapters/out/postgres/migrations/1-payments';
import { PaymentEntity } from './adapters/out/postgres/payment.entity';
import { PostgresPaymentRepository } from './adapters/out/postgres/payments.repository';
import { SandboxProvider } from './adapters/out/sandbox/sandbox-provider';
import { CancelPayment } from './application/cancel-payment';
import { FindPayment } from './application/find-payment';
import { DueSignal, Ledger, PaymentProvider, PaymentRepository } from './application/ports';
import { RefundPayment } from './application/refund-payment';
import { RequestPayment } from './application/request-payment';
import { SettlePayments } from './application/settle-payments';
import type { PaymentsSettings } from './payments.service';

@Module({})
export class PaymentsModule {
  static with(settings: PaymentsSettings): DynamicModule {
    return {
      module: PaymentsModule,
      imports: [
        PostgresModule.with({
          url: settings.DATABASE_URL,
          entities: [PaymentEntity],
          migrations: [Payments1767225700000],
        }),
        EventLogModule.with('payments', settings),
      ],
      controllers: [PaymentsController, OrdersHandler],
      providers: [
        InProcessDueSignal,
        { provide: DueSignal, useExisting: InProcessDueSignal },
        {
          ...provide(PostgresPaymentRepository, PostgresUnitOfWork, Outbox, DueSignal),
          provide: PaymentRepository,
        },
        { ...provide(PostgresLedger, PostgresUnitOfWork), provide: Ledger },
        {
          provide: PaymentProvider,
          useFactory: (books: DataSource) => new SandboxProvider(books, settings.PROVIDER_TIMEOUT_MS),
          inject: [DataSource],
        },
        {
          provide: SettlePayments,
          useFactory: (payments: PaymentRepository, provider: PaymentProvider, clock: Clock) =>
            new SettlePayments(payments, provider, clock, {
              leaseMs: settings.PAYMENT_LEASE_MS,
              maxCharges: settings.PAYMENT_MAX_ATTEMPTS,
              backoffMs: (attempts) => Math.min(30_000, 100 * 2 ** attempts),
            }),
          inject: [PaymentRepository, PaymentProvider, Clock],
        },
        provide(RequestPayment, PaymentRepository, Clock),
        provide(CancelPayment, PaymentRepository, Clock),
        provide(RefundPayment, PaymentRepository, Clock),
        provide(FindPayment, PaymentRepository, Ledger),
        PaymentWorker,
      ],
    };
  }
}
