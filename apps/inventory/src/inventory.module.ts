import { type DynamicModule, Module } from '@nestjs/common';
import { EventLogModule } from '@atlas/adapters/event-log';
import { JobsModule } from '@atlas/adapters/jobs';
import { provide, serve, value } from '@atlas/adapters/nest';
import { PostgresModule, PostgresUnitOfWork } from '@atlas/adapters/postgres';
import { Outbox } from '@atlas/ports/adapters';
import { Clock } from '@atlas/ports/application';
import context from '../context.json';
import { Inventory1795737700000 } from './adapters/driven/postgres/migrations/1-inventory';
import { ReservationEntity, ReservationLineEntity } from './adapters/driven/postgres/reservation.mapping';
import { PostgresReservationRepository } from './adapters/driven/postgres/reservations.repository';
import { StockItems } from './adapters/driven/postgres/stock-items';
import { StockEntity, StockMovementEntity } from './adapters/driven/postgres/stock.mapping';
import { PostgresStockRepository } from './adapters/driven/postgres/stock.repository';
import { CatalogHandler } from './adapters/driving/events/catalog.handler';
import { OrdersHandler } from './adapters/driving/events/orders.handler';
import { ReservationsController } from './adapters/driving/http/reservations.controller';
import { StockController } from './adapters/driving/http/stock.controller';
import { CommitStock } from './application/commands/commit-stock';
import { ExpireReservations } from './application/commands/expire-reservations';
import { RecordProductListed } from './application/commands/record-product-listed';
import { ReleaseStock } from './application/commands/release-stock';
import { ReserveStock } from './application/commands/reserve-stock';
import { SetStock } from './application/commands/set-stock';
import { ReservationRepository, StockRepository } from './application/ports';
import { GetReservation } from './application/queries/get-reservation';
import { GetStockItem } from './application/queries/get-stock-item';
import { ListStock } from './application/queries/list-stock';
import type { InventorySettings } from './inventory.settings';

@Module({})
export class InventoryModule {
  static register(settings: InventorySettings): DynamicModule {
    const reservedMs = value(settings.RESERVATION_MINUTES * 60_000);

    const commands = [
      provide(ReserveStock, ReservationRepository, Clock, reservedMs),
      provide(CommitStock, ReservationRepository, Clock),
      provide(ReleaseStock, ReservationRepository, Clock),
      provide(ExpireReservations, ReservationRepository, Clock),
      provide(RecordProductListed, StockRepository),
      provide(SetStock, StockRepository),
    ];
    const queries = [
      provide(GetReservation, ReservationRepository),
      provide(GetStockItem, StockRepository),
      provide(ListStock, StockRepository),
    ];
    const jobs = [{ name: 'expire-reservations', everyMs: 5_000, command: ExpireReservations }];
    const ports = [
      provide(StockItems, PostgresUnitOfWork, Outbox),
      serve(ReservationRepository, PostgresReservationRepository, PostgresUnitOfWork, StockItems, Outbox),
      serve(StockRepository, PostgresStockRepository, PostgresUnitOfWork, StockItems),
    ];

    return {
      module: InventoryModule,
      imports: [
        PostgresModule.register(settings, {
          entities: [StockEntity, StockMovementEntity, ReservationEntity, ReservationLineEntity],
          migrations: [Inventory1795737700000],
        }),
        EventLogModule.register(context.name, settings),
        JobsModule.register({ jobs }),
      ],
      controllers: [StockController, ReservationsController, CatalogHandler, OrdersHandler],
      providers: [...commands, ...queries, ...ports],
    };
  }
}
