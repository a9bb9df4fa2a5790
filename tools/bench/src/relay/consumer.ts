import { type DynamicModule, Controller, Module } from '@nestjs/common';
import { Ctx, EventPattern, Payload } from '@nestjs/microservices';
import { EventLogModule } from '@atlas/adapters/event-log';
import { PostgresModule, PostgresUnitOfWork } from '@atlas/adapters/postgres';
import { catalogue, PaymentDeclined } from '@atlas/contracts';
import type { EventEnvelope } from '@atlas/events';
import { bootService, EventContext, type ServiceDefinition, serviceSettings } from '@atlas/service';

/** One event's times: milliseconds since 1970, except `at`: nanoseconds of the machine's monotonic clock. */
export interface Handled {
  readonly id: string;
  readonly appended: number;
  readonly begun: number;
  /** When its transaction was committed. */
  readonly at: string;
}

/** A service like the platform's own, whose use case inserts one row per event; reports to its parent on request. */
const handled: Handled[] = [];

@Controller()
class BenchHandler {
  constructor(private readonly unitOfWork: PostgresUnitOfWork) {}

  @EventPattern<string>(PaymentDeclined.type)
  async handle(@Payload() { id, subject }: EventEnvelope, @Ctx() { record }: EventContext): Promise<void> {
    const begun = Date.now();
    await this.unitOfWork.manager.query('INSERT INTO handled (event_id, subject) VALUES ($1, $2)', [
      id,
      subject,
    ]);
    this.unitOfWork.afterCommit(() =>
      handled.push({ id, appended: record.timestamp, begun, at: String(process.hrtime.bigint()) }),
    );
  }
}

@Module({})
class BenchModule {
  static register(
    values: Parameters<typeof EventLogModule.register>[1] & { DATABASE_URL: string },
  ): DynamicModule {
    return {
      module: BenchModule,
      imports: [PostgresModule.register(values), EventLogModule.register('bench', values)],
      controllers: [BenchHandler],
    };
  }
}

const settings = serviceSettings({ port: 4099 });

process.on('message', () => process.send?.(handled.splice(0)));
void bootService({
  name: 'bench',
  settings,
  module: (values) => BenchModule.register(values),
  events: catalogue,
} satisfies ServiceDefinition<typeof settings.shape>);
