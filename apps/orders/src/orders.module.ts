import { type DynamicModule, Module } from '@nestjs/common';
import { EventLogModule } from '@atlas/adapters/event-log';
import { JobsModule } from '@atlas/adapters/jobs';
import { provide } from '@atlas/adapters/nest';
import { PostgresModule, PostgresUnitOfWork } from '@atlas/adapters/postgres';
import { Outbox } from '@atlas/ports/adapters';
import { Clock, IdGenerator } from '@atlas/ports/application';
import { InventoryHandler } from './adapters/driving/events/inventory.handler';
import { PaymentsHandler } from './adapters/driving/events/payments.handler';
import { OrdersController } from './adapters/driving/http/orders.controller';
import { PriceBookController } from './adapters/driving/http/price-book.controller';
import { Orders1795737700000 } from './adapters/driven/postgres/migrations/1-orders';
import { OrderEntity, OrderLineEntity } from './adapters/driven/postgres/order.entity';
import { PostgresOrderRepository } from './adapters/driven/postgres/orders.repository';
import { PostgresPriceBook } from './adapters/driven/postgres/price-book.repository';
import { PriceEntity } from './adapters/driven/postgres/price.entity';
import { AdvanceOrder } from './application/commands/advance-order';
import { CancelOrder } from './application/commands/cancel-order';
import { ExpireOrders } from './application/commands/expire-orders';
import { FindOrder } from './application/queries/find-order';
import { KeepPriceBook } from './application/commands/keep-price-book';
import { PlaceOrder } from './application/commands/place-order';
import { OrderRepository, PriceBook } from './application/ports';
import type { OrdersSettings } from './orders.settings';

@Module({})
export class OrdersModule {
  static register(settings: OrdersSettings): DynamicModule {
    return {
      module: OrdersModule,
      imports: [
        PostgresModule.register({
          url: settings.DATABASE_URL,
          entities: [OrderEntity, OrderLineEntity, PriceEntity],
          migrations: [Orders1795737700000],
        }),
        EventLogModule.register('orders', settings),
        JobsModule.register({
          jobs: [{ name: 'expire-orders', everyMs: 5_000, command: ExpireOrders }],
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
