import { type DynamicModule, Module } from '@nestjs/common';
import { EventLogModule } from '@atlas/adapters/event-log';
import { JobsModule } from '@atlas/adapters/jobs';
import { provide, serve, value } from '@atlas/adapters/nest';
import { PostgresModule, PostgresUnitOfWork } from '@atlas/adapters/postgres';
import { Outbox } from '@atlas/ports/adapters';
import { Clock, IdGenerator } from '@atlas/ports/application';
import context from '../context.json';
import { Orders1795737700000 } from './adapters/driven/postgres/migrations/1-orders';
import { OrderEntity, OrderLineEntity } from './adapters/driven/postgres/order.mapping';
import { PostgresOrderRepository } from './adapters/driven/postgres/orders.repository';
import { PostgresPriceBook } from './adapters/driven/postgres/price-book.repository';
import { PriceEntity } from './adapters/driven/postgres/price.mapping';
import { CatalogHandler } from './adapters/driving/events/catalog.handler';
import { InventoryHandler } from './adapters/driving/events/inventory.handler';
import { PaymentsHandler } from './adapters/driving/events/payments.handler';
import { OrdersController } from './adapters/driving/http/orders.controller';
import { PriceBookController } from './adapters/driving/http/price-book.controller';
import { CancelOrder } from './application/commands/cancel-order';
import { ExpireOrders } from './application/commands/expire-orders';
import { PlaceOrder } from './application/commands/place-order';
import { RecordPaymentCaptured } from './application/commands/record-payment-captured';
import { RecordPaymentRefused } from './application/commands/record-payment-refused';
import { RecordPrice } from './application/commands/record-price';
import { RecordProductRetired } from './application/commands/record-product-retired';
import { RecordStockRejected } from './application/commands/record-stock-rejected';
import { RecordStockReleased } from './application/commands/record-stock-released';
import { RecordStockReserved } from './application/commands/record-stock-reserved';
import { OrderRepository, PriceBook } from './application/ports';
import { GetOrder } from './application/queries/get-order';
import { ListOrders } from './application/queries/list-orders';
import { ListPrices } from './application/queries/list-prices';
import type { OrdersSettings } from './orders.settings';

@Module({})
export class OrdersModule {
  static register(settings: OrdersSettings): DynamicModule {
    const deadline = value(settings.ORDER_DEADLINE_MINUTES * 60_000);

    const commands = [
      provide(PlaceOrder, OrderRepository, PriceBook, Clock, IdGenerator, deadline),
      provide(CancelOrder, OrderRepository, Clock),
      provide(ExpireOrders, OrderRepository, Clock),
      provide(RecordStockReserved, OrderRepository, Clock),
      provide(RecordStockRejected, OrderRepository, Clock),
      provide(RecordStockReleased, OrderRepository, Clock),
      provide(RecordPaymentCaptured, OrderRepository, Clock),
      provide(RecordPaymentRefused, OrderRepository, Clock),
      provide(RecordPrice, PriceBook),
      provide(RecordProductRetired, PriceBook),
    ];
    const queries = [
      provide(GetOrder, OrderRepository),
      provide(ListOrders, OrderRepository),
      provide(ListPrices, PriceBook),
    ];
    const jobs = [{ name: 'expire-orders', everyMs: 5_000, command: ExpireOrders }];
    const ports = [
      serve(OrderRepository, PostgresOrderRepository, PostgresUnitOfWork, Outbox),
      serve(PriceBook, PostgresPriceBook, PostgresUnitOfWork),
    ];

    return {
      module: OrdersModule,
      imports: [
        PostgresModule.register(settings, {
          entities: [OrderEntity, OrderLineEntity, PriceEntity],
          migrations: [Orders1795737700000],
        }),
        EventLogModule.register(context.name, settings),
        JobsModule.register({ jobs }),
      ],
      controllers: [OrdersController, PriceBookController, CatalogHandler, InventoryHandler, PaymentsHandler],
      providers: [...commands, ...queries, ...ports],
    };
  }
}
