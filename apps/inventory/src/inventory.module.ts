import { type DynamicModule, Module } from '@nestjs/common';
import { EventLogModule } from '@atlas/adapters/event-log';
import { JobsModule } from '@atlas/adapters/jobs';
import { provide } from '@atlas/adapters/nest';
import { PostgresModule, PostgresUnitOfWork } from '@atlas/adapters/postgres';
import { Outbox } from '@atlas/ports/adapters';
import { Clock } from '@atlas/ports/application';
import { OrdersHandler } from './adapters/driving/events/orders.handler';
import { ReservationsController } from './adapters/driving/http/reservations.controller';
import { StockController } from './adapters/driving/http/stock.controller';
import { LockedStock } from './adapters/driven/postgres/locked-stock';
import { Inventory1795737700000 } from './adapters/driven/postgres/migrations/1-inventory';
import { PostgresReservationRepository } from './adapters/driven/postgres/reservations.repository';
import { StockEntity } from './adapters/driven/postgres/stock.entity';
import { PostgresStockRepository } from './adapters/driven/postgres/stock.repository';
import { CommitStock } from './application/commands/commit-stock';
import { ExpireReservations } from './application/commands/expire-reservations';
import { FindReservation } from './application/queries/find-reservation';
import { KeepStock } from './application/commands/keep-stock';
import { ReservationRepository, StockRepository } from './application/ports';
import { ReleaseStock } from './application/commands/release-stock';
import { ReserveStock } from './application/commands/reserve-stock';
import type { InventorySettings } from './inventory.settings';

@Module({})
export class InventoryModule {
  static register(settings: InventorySettings): DynamicModule {
    return {
      module: InventoryModule,
      imports: [
        PostgresModule.register({
          url: settings.DATABASE_URL,
          entities: [StockEntity],
          migrations: [Inventory1795737700000],
        }),
        EventLogModule.register('inventory', settings),
        JobsModule.register({
          jobs: [{ name: 'expire-reservations', everyMs: 5_000, command: ExpireReservations }],
        }),
      ],
      controllers: [StockController, ReservationsController, OrdersHandler],
      providers: [
        provide(LockedStock, PostgresUnitOfWork),
        {
          ...provide(PostgresReservationRepository, PostgresUnitOfWork, LockedStock, Outbox),
          provide: ReservationRepository,
        },
        { ...provide(PostgresStockRepository, PostgresUnitOfWork, LockedStock), provide: StockRepository },
        {
          provide: ReserveStock,
          inject: [ReservationRepository, Clock],
          useFactory: (reservations: ReservationRepository, clock: Clock) =>
            new ReserveStock(reservations, clock, settings.RESERVATION_HOLD_MINUTES * 60_000),
        },
        provide(CommitStock, ReservationRepository, Clock),
        provide(ReleaseStock, ReservationRepository, Clock),
        provide(ExpireReservations, ReservationRepository, Clock),
        provide(FindReservation, ReservationRepository),
        provide(KeepStock, StockRepository),
      ],
    };
  }
}
