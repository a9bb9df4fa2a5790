import { Controller, Module } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { EventLogModule } from '@atlas/adapters/event-log';
import { PostgresModule } from '@atlas/adapters/postgres';
import type { EventOf } from '@atlas/events';
import { bootService, serviceSettings } from '@atlas/service';
import { BookReturned, catalogue } from './contracts';

/** A consumer that the events of one loan crash, as if it ran out of memory: immediately and silently. */
@Controller()
class FatalHandler {
  @EventPattern<string>(BookReturned.type)
  returned(@Payload() { subject }: EventOf<typeof BookReturned>): void {
    if (subject === process.env['FATAL_LOAN']) process.kill(process.pid, 'SIGKILL');
  }
}

@Module({})
class FatalModule {}

void bootService({
  name: 'fatal',
  settings: serviceSettings({ port: 0 }),
  module: (settings) => ({
    module: FatalModule,
    imports: [PostgresModule.register(settings), EventLogModule.register('fatal', settings)],
    controllers: [FatalHandler],
  }),
  events: catalogue,
});
