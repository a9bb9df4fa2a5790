import { type DynamicModule, Logger, Module, type OnApplicationBootstrap } from '@nestjs/common';
import { provide } from '@atlas/adapters/nest';
import { PostgresModule } from '@atlas/adapters/postgres';
import { Clock, IdGenerator } from '@atlas/ports';
import { DataSource } from 'typeorm';
import { BadLine } from './adapters/in/http/bad-line';
import { ChargesController, TakeOverController } from './adapters/in/http/charges.controller';
import { FaultsController } from './adapters/in/http/faults.controller';
import { PostgresBooks } from './adapters/out/postgres/books.repository';
import { Books1798243200000 } from './adapters/out/postgres/migrations/1-books';
import { GiveRefund } from './application/give-refund';
import { Misbehave } from './application/misbehave';
import { Books } from './application/ports';
import { ReadBooks } from './application/read-books';
import { TakeCharge } from './application/take-charge';
import { TakeOverCharges } from './application/take-over-charges';
import type { PaymentProviderSettings } from './payment-provider.settings';

@Module({})
export class PaymentProviderModule implements OnApplicationBootstrap {
  static with(settings: PaymentProviderSettings): DynamicModule {
    return {
      module: PaymentProviderModule,
      imports: [PostgresModule.with({ url: settings.DATABASE_URL, migrations: [Books1798243200000] })],
      controllers: [TakeOverController, ChargesController, FaultsController],
      providers: [
        { ...provide(PostgresBooks, DataSource), provide: Books },
        provide(TakeCharge, Books, Clock, IdGenerator),
        provide(GiveRefund, Books, Clock, IdGenerator),
        provide(TakeOverCharges, Books, Clock, IdGenerator),
        provide(ReadBooks, Books),
        provide(Misbehave, Clock),
        BadLine,
      ],
    };
  }

  onApplicationBootstrap(): void {
    new Logger(PaymentProviderModule.name).log(
      'A sandbox for development: no card is charged, no money moves',
    );
  }
}
