import {
  type BeforeApplicationShutdown,
  type DynamicModule,
  Logger,
  Module,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { EventLogModule } from '@atlas/adapters/event-log';
import { PostgresOutboxSource } from '@atlas/adapters/postgres';
import { SystemClock } from '@atlas/adapters/system';
import { type EventLanguage, topicOf } from '@atlas/events';
import { EventLog } from '@atlas/ports/adapters';
import { Clock } from '@atlas/ports/application';
import { Readiness } from '@atlas/service';
import { RelayController } from './adapters/driving/http/relay.controller';
import { MeasuredEventLog } from './adapters/driven/telemetry/measured-event-log';
import { measureRelay } from './adapters/driving/telemetry/relay-metrics';
import { type RelayEvent, RelayOutbox } from './application/commands/relay-outbox';
import type { OutboxRelaySettings } from './outbox-relay.settings';

@Module({})
export class OutboxRelayModule
  implements OnApplicationBootstrap, BeforeApplicationShutdown, OnApplicationShutdown
{
  constructor(
    private readonly relay: RelayOutbox,
    private readonly outbox: PostgresOutboxSource,
    private readonly app: ModuleRef,
  ) {}

  static register(settings: OutboxRelaySettings, { topics }: EventLanguage): DynamicModule {
    return {
      module: OutboxRelayModule,
      imports: [EventLogModule.register(`${settings.SERVICE}-relay`, settings)],
      controllers: [RelayController],
      providers: [
        { provide: Clock, useClass: SystemClock },
        { provide: PostgresOutboxSource, useValue: new PostgresOutboxSource({ url: settings.DATABASE_URL }) },
        {
          provide: RelayOutbox,
          inject: [PostgresOutboxSource, EventLog, Clock],
          useFactory: (outbox: PostgresOutboxSource, log: EventLog, clock: Clock) => {
            const topic = topicOf(settings.SERVICE);
            const relay = new RelayOutbox(
              outbox,
              new MeasuredEventLog(log),
              clock,
              {
                service: settings.SERVICE,
                batchRows: settings.RELAY_BATCH_ROWS,
                retentionMs: settings.OUTBOX_RETENTION_HOURS * 3_600_000,
                topics: topics.filter(({ name }) => name === topic),
              },
              tell,
            );
            measureRelay(relay, log, topic);
            return relay;
          },
        },
      ],
    };
  }

  /** A relay is ready while it waits for its database or the log, too: it works by itself and resumes by itself. */
  onApplicationBootstrap(): void {
    this.app.get(Readiness, { strict: false }).add('relay', async (indicator) => {
      const { role, cursor, backlog, failure } = await this.relay.status();
      const data = { role, cursor, rows: backlog?.rows ?? null, oldestAgeMs: backlog?.oldestAgeMs ?? null };
      return failure === null ? indicator.up(data) : indicator.degraded({ ...data, message: failure });
    });
    this.relay.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.relay.stop();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.outbox.close();
  }
}

const logger = new Logger(OutboxRelayModule.name);

function tell(event: RelayEvent): void {
  switch (event.type) {
    case 'became-owner':
      return logger.log(`Owns the outbox and publishes on from ${event.cursor ?? 'its start'}`);
    case 'waits':
      return logger.log(`Waits. ${event.reason}`);
    case 'failed':
      return logger.warn(
        `Waits ${Math.round(event.retryInMs)} ms to begin again from the stored cursor: ${reasonOf(event.error)}`,
      );
    case 'pruned':
      return logger.log(`Deleted ${event.rows} published rows that are past their retention`);
    case 'prune-failed':
      return logger.warn(`Could not delete old rows, tries again in a minute: ${reasonOf(event.error)}`);
  }
}

const reasonOf = (error: unknown) => (error instanceof Error ? error.message : String(error));
