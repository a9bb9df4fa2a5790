import { type DynamicModule, Controller, Module } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { EventLogModule } from '@atlas/adapters/event-log';
import { PostgresModule, PostgresUnitOfWork } from '@atlas/adapters/postgres';
import { type EventEnvelope, PaymentDeclined } from '@atlas/contracts';
import { bootService, type ServiceDefinition, serviceSettings } from '@atlas/service';

/**
 * A service as the platform has them, with a use case that writes one row for each event. Asked by its parent, it tells
 * when the transaction of each event had committed: `[id, nanoseconds of the machine's monotonic clock][]`.
 */
const committed: [string, string][] = [];

@Controller()
class BenchHandler {
  constructor(private readonly unitOfWork: PostgresUnitOfWork) {}

  @EventPattern<string>(PaymentDeclined.type)
  async handle(@Payload() { id, subject }: EventEnvelope): Promise<void> {
    await this.unitOfWork.manager.query('INSERT INTO handled (event_id, subject) VALUES ($1, $2)', [id, subject]);
    this.unitOfWork.afterCommit(() => committed.push([id, String(process.hrtime.bigint())]));
  }
}

@Module({})
class BenchModule {
  static with(values: Parameters<typeof EventLogModule.with>[1] & { DATABASE_URL: string }): DynamicModule {
    return {
      module: BenchModule,
      imports: [PostgresModule.with({ url: values.DATABASE_URL }), EventLogModule.with('bench', values)],
      controllers: [BenchHandler],
    };
  }
}

const settings = serviceSettings({ port: 4099 });

process.on('message', () => process.send?.(committed.splice(0)));
void bootService({
  name: 'bench',
  settings,
  module: (values) => BenchModule.with(values),
  consumesEvents: true,
} satisfies ServiceDefinition<typeof settings.shape>);
