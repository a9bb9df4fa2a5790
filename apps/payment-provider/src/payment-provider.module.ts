import { type DynamicModule, Logger, Module, type OnApplicationBootstrap } from '@nestjs/common';
import { provide } from '@atlas/adapters/nest';
import { PostgresModule } from '@atlas/adapters/postgres';
import { Clock, IdGenerator } from '@atlas/ports/application';
import { DataSource } from 'typeorm';
import { NetworkFaults } from './adapters/driving/http/network-faults';
import { ChargesController } from './adapters/driving/http/charges.controller';
import { FaultsController } from './adapters/driving/http/faults.controller';
import { PostgresBooks } from './adapters/driven/postgres/books.repository';
import { Books1795737700000 } from './adapters/driven/postgres/migrations/1-books';
import { GiveRefund } from './application/commands/give-refund';
import { Misbehave } from './application/commands/misbehave';
import { Books } from './application/ports';
import { ReadBooks } from './application/queries/read-books';
import { TakeCharge } from './application/commands/take-charge';
import type { PaymentProviderSettings } from './payment-provider.settings';

@Module({})
export class PaymentProviderModule implements OnApplicationBootstrap {
  static register(settings: PaymentProviderSettings): DynamicModule {
    return {
      module: PaymentProviderModule,
      imports: [PostgresModule.register({ url: settings.DATABASE_URL, migrations: [Books1795737700000] })],
      controllers: [ChargesController, FaultsController],
      providers: [
        { ...provide(PostgresBooks, DataSource), provide: Books },
        provide(TakeCharge, Books, Clock, IdGenerator),
        provide(GiveRefund, Books, Clock, IdGenerator),
        provide(ReadBooks, Books),
        provide(Misbehave, Clock),
        NetworkFaults,
      ],
    };
  }

  onApplicationBootstrap(): void {
    new Logger(PaymentProviderModule.name).log(
      'A sandbox for development: no card is charged, no money moves',
    );
  }
}
