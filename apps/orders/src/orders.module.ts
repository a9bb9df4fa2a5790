import { type DynamicModule, Module } from '@nestjs/common';
import { EventLogModule } from '@atlas/adapters/event-log';
import { JobsModule } from '@atlas/adapters/jobs';
import { provide } from '@atlas/adapters/nest';
import { PostgresModule, PostgresUnitOfWork } from '@atlas/adapters/postgres';
import { Clock, IdGenerator, Outbox } from '@atlas/ports';
import { InventoryHandler } from './adapters/in/events/inventory.handler';
import { PaymentsHandler } from './adapters/in/events/payments.handler';
import { OrdersController } from './adapters/in/http/orders.controller';
import { PriceBookController } from './adapters/in/http/price-book.controller';
import { Orders1767225700000 } from './adapters/out/postgres/migrations/1-orders';
import { OrderDeadlines1798156800000 } from './adapters/out/postgres/migrations/2-deadlines';
import { OrderEntity, OrderLineEntity } from './adapters/out/postgres/order.entity';
import { PostgresOrderRepository } from './adapters/out/postgres/orders.repository';
import { PostgresPriceBook } from './adapters/out/postgres/price-book.repository';
import { PriceEntity } from './adapters/out/postgres/price.entity';
import { AdvanceOrder } from './application/advance-order';
import { CancelOrder } from './application/cancel-order';
import { ExpireOrders } from './application/expire-orders';
import { FindOrder } from './application/find-order';
import { KeepPriceBook } from './application/keep-price-book';
import { PlaceOrder } from './application/place-order';
import { OrderRepository, PriceBook } from './application/ports';
import type { OrdersSettings } from './orders.settings';

@Module({})
export class OrdersModule {
  static with(settings: OrdersSettings): DynamicModule {
    return {
      module: OrdersModule,
      imports: [
        PostgresModule.with({
          url: settings.DATABASE_URL,
          entities: [OrderEntity, OrderLineEntity, PriceEntity],
          migrations: [Orders1767225700000, OrderDeadlines1798156800000],
        }),
        EventLogModule.with('orders', settings),
        JobsModule.with({
          url: settings.DATABASE_URL,
          jobs: [{ name: 'expire-orders', cron: '* * * * *', useCase: ExpireOrders }],
        }),
      ],
      controllers: [OrdersController, PriceBookController, InventoryHandler, PaymentsHandler],
      providers: [
        { ...provide(PostgresOrderRepository, PostgresUnitOfWork, Outbox), provide: OrderRepository },
        { ...provide(PostgresPriceBook, PostgresUnitOfWork), provide: PriceBook },
        {
          provide: PlaceOrder,
          inject: [OrderRepository, PriceBook, Clock, IdGenerator],
          useFactory: (orders: OrderRepository, prices: PriceBook, clock: Clock, ids: IdGenerator) =>
            new PlaceOrder(orders, prices, clock, ids, settings.ORDER_DEADLINE_MINUTES * 60_000),
        },
        provide(AdvanceOrder, OrderRepository, Clock),
        provide(CancelOrder, OrderRepository, Clock),
        provide(ExpireOrders, OrderRepository, Clock),
        provide(FindOrder, OrderRepository),
        provide(KeepPriceBook, PriceBook),
      ],
    };
  }
}
