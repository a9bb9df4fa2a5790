import { type DynamicModule, Module } from '@nestjs/common';
import { EventLogModule } from '@atlas/adapters/event-log';
import { JobsModule } from '@atlas/adapters/jobs';
import { provide } from '@atlas/adapters/nest';
import { PostgresModule, PostgresUnitOfWork } from '@atlas/adapters/postgres';
import { Clock, Outbox } from '@atlas/ports';
import { OrdersHandler } from './adapters/in/events/orders.handler';
import { ReservationsController } from './adapters/in/http/reservations.controller';
import { StockController } from './adapters/in/http/stock.controller';
import { LockedStock } from './adapters/out/postgres/locked-stock';
import { Inventory1767225700000 } from './adapters/out/postgres/migrations/1-inventory';
import { ReservationExpiry1798156800000 } from './adapters/out/postgres/migrations/2-expiry';
import { PostgresReservationRepository } from './adapters/out/postgres/reservations.repository';
import { StockEntity } from './adapters/out/postgres/stock.entity';
import { PostgresStockRepository } from './adapters/out/postgres/stock.repository';
import { CommitStock } from './application/commit-stock';
import { ExpireReservations } from './application/expire-reservations';
import { FindReservation } from './application/find-reservation';
import { KeepStock } from './application/keep-stock';
import { ReservationRepository, StockRepository } from './application/ports';
import { ReleaseStock } from './application/release-stock';
import { ReserveStock } from './application/reserve-stock';
import type { InventorySettings } from './inventory.settings';

@Module({})
export class InventoryModule {
  static with(settings: InventorySettings): DynamicModule {
    return {
      module: InventoryModule,
      imports: [
        PostgresModule.with({
          url: settings.DATABASE_URL,
          entities: [StockEntity],
          migrations: [Inventory1767225700000, ReservationExpiry1798156800000],
        }),
        EventLogModule.with('inventory', settings),
        JobsModule.with({
          url: settings.DATABASE_URL,
          jobs: [{ name: 'expire-reservations', cron: '* * * * *', useCase: ExpireReservations }],
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
