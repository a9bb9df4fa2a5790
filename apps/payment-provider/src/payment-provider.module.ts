import { type DynamicModule, Logger, Module, type OnApplicationBootstrap } from '@nestjs/common';
import { provide, serve } from '@atlas/adapters/nest';
import { PostgresModule } from '@atlas/adapters/postgres';
import { Clock, IdGenerator } from '@atlas/ports/application';
import { DataSource } from 'typeorm';
import { MemoryActiveFaults } from './adapters/driven/memory/active-faults';
import { PostgresBooks } from './adapters/driven/postgres/books.repository';
import { Books1795737700000 } from './adapters/driven/postgres/migrations/1-books';
import { BooksController } from './adapters/driving/http/books.controller';
import { ChargesController } from './adapters/driving/http/charges.controller';
import { FaultsController } from './adapters/driving/http/faults.controller';
import { NetworkFaults } from './adapters/driving/http/network-faults';
import { ClearFaults } from './application/commands/clear-faults';
import { CreateCharge } from './application/commands/create-charge';
import { InjectFaults } from './application/commands/inject-faults';
import { RefundCharge } from './application/commands/refund-charge';
import { SetFaults } from './application/commands/set-faults';
import { ActiveFaults, Books } from './application/ports';
import { GetCharge } from './application/queries/get-charge';
import { GetFaults } from './application/queries/get-faults';
import { ListBookEntries } from './application/queries/list-book-entries';
import { ListCharges } from './application/queries/list-charges';
import type { PaymentProviderSettings } from './payment-provider.settings';

@Module({})
export class PaymentProviderModule implements OnApplicationBootstrap {
  static register(settings: PaymentProviderSettings): DynamicModule {
    const commands = [
      provide(CreateCharge, Books, Clock, IdGenerator),
      provide(RefundCharge, Books, Clock, IdGenerator),
      provide(SetFaults, ActiveFaults, Clock),
      provide(ClearFaults, ActiveFaults, Clock),
      provide(InjectFaults, ActiveFaults, Clock),
    ];
    const queries = [
      provide(GetCharge, Books),
      provide(ListCharges, Books),
      provide(ListBookEntries, Books),
      provide(GetFaults, ActiveFaults),
    ];
    const ports = [serve(Books, PostgresBooks, DataSource), serve(ActiveFaults, MemoryActiveFaults, Clock)];

    return {
      module: PaymentProviderModule,
      imports: [PostgresModule.register(settings, { migrations: [Books1795737700000] })],
      controllers: [ChargesController, BooksController, FaultsController],
      providers: [...commands, ...queries, ...ports, NetworkFaults],
    };
  }

  onApplicationBootstrap(): void {
    new Logger(PaymentProviderModule.name).log(
      'A sandbox for development: no card is charged, no money moves',
    );
  }
}
