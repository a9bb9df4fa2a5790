import { Controller, Module } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { EventLogModule } from '@atlas/adapters/event-log';
import { PostgresModule } from '@atlas/adapters/postgres';
import { catalogue, OrderConfirmed } from '@atlas/contracts';
import type { EventOf } from '@atlas/events';
import { bootService, serviceSettings } from '@atlas/service';

/** A consumer that one order ends, as it would if it made it run out of memory: at once, with no word. */
@Controller()
class FatalHandler {
  @EventPattern<string>(OrderConfirmed.type)
  confirmed(@Payload() { subject }: EventOf<typeof OrderConfirmed>): void {
    if (subject === process.env['FATAL_ORDER']) process.kill(process.pid, 'SIGKILL');
  }
}

@Module({})
class FatalModule {}

void bootService({
  name: 'fatal',
  settings: serviceSettings({ port: 0 }),
  module: (settings) => ({
    module: FatalModule,
    imports: [
      PostgresModule.register({ url: settings.DATABASE_URL }),
      EventLogModule.register('fatal', settings),
    ],
    controllers: [FatalHandler],
  }),
  events: catalogue,
});
