import { type DynamicModule, Module, type OnApplicationShutdown } from '@nestjs/common';
import { EventLogModule } from '@atlas/adapters/event-log';
import { provide, value } from '@atlas/adapters/nest';
import { PostgresOutboxSource } from '@atlas/adapters/postgres';
import { SystemClock, SystemRandom } from '@atlas/adapters/system';
import { type EventLanguage, topicOf } from '@atlas/events';
import { EventLog } from '@atlas/ports/adapters';
import { Clock, Random } from '@atlas/ports/application';
import { MeasuredEventLog } from './adapters/driven/telemetry/measured-event-log';
import { RelayController } from './adapters/driving/http/relay.controller';
import { RelayOutboxJob } from './adapters/driving/jobs/relay-outbox.job';
import { measureRelay } from './adapters/driving/telemetry/relay-metrics';
import { AdoptOutbox } from './application/commands/adopt-outbox';
import { RelayOutbox } from './application/commands/relay-outbox';
import { GetRelayStatus } from './application/queries/get-relay-status';
import { ListConsumerLags } from './application/queries/list-consumer-lags';
import { RelayProgress } from './domain/relay-progress';
import { consumersOf, type OutboxRelaySettings } from './outbox-relay.settings';

/** The outbox for an adoption, which takes turns with the running relay as another relay would. */
class AdoptedOutbox extends PostgresOutboxSource {}

@Module({})
export class OutboxRelayModule implements OnApplicationShutdown {
  constructor(
    private readonly outbox: PostgresOutboxSource,
    private readonly adoptedOutbox: AdoptedOutbox,
  ) {}

  static register(settings: OutboxRelaySettings, { topics }: EventLanguage): DynamicModule {
    const service = settings.SERVICE;
    const topic = topicOf(service);
    const relaySettings = value({
      service,
      topics: topics.filter(({ name }) => name === topic),
      batchRows: settings.RELAY_BATCH_ROWS,
      retentionMs: settings.OUTBOX_RETENTION_HOURS * 3_600_000,
    });

    const commands = [
      provide(
        RelayOutbox,
        PostgresOutboxSource,
        MeasuredEventLog,
        RelayProgress,
        Clock,
        Random,
        relaySettings,
      ),
      provide(
        AdoptOutbox,
        AdoptedOutbox,
        EventLog,
        RelayProgress,
        Clock,
        value({ service, topics: [topic], retentionMs: relaySettings.value.retentionMs }),
      ),
    ];
    const queries = [
      provide(GetRelayStatus, PostgresOutboxSource, RelayProgress, Clock, value(service)),
      provide(ListConsumerLags, EventLog, value(topic), value(consumersOf(topic))),
    ];
    const ports = [
      { provide: Clock, useClass: SystemClock },
      { provide: Random, useClass: SystemRandom },
      provide(PostgresOutboxSource, value({ url: settings.DATABASE_URL })),
      provide(AdoptedOutbox, value({ url: settings.DATABASE_URL })),
      provide(MeasuredEventLog, EventLog),
    ];
    const telemetry = {
      provide: measureRelay,
      inject: [GetRelayStatus, ListConsumerLags],
      useFactory: (getStatus: GetRelayStatus, listLags: ListConsumerLags) =>
        measureRelay(getStatus, listLags, topic),
    };

    return {
      module: OutboxRelayModule,
      imports: [EventLogModule.register(`${service}-relay`, settings)],
      controllers: [RelayController],
      providers: [...commands, ...queries, ...ports, RelayProgress, RelayOutboxJob, telemetry],
    };
  }

  async onApplicationShutdown(): Promise<void> {
    await Promise.all([this.outbox.close(), this.adoptedOutbox.close()]);
  }
}
