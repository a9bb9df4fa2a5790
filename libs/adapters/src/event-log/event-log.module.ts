import { type DynamicModule, Logger, Module, type OnApplicationShutdown } from '@nestjs/common';
import { EventLog } from '@atlas/ports/adapters';
import { type EventLogSettings, openEventLog } from './open-event-log';

/** The event log that the platform runs on, as the port {@link EventLog}. */
@Module({})
export class EventLogModule implements OnApplicationShutdown {
  constructor(private readonly eventLog: EventLog) {}

  /** @param clientId the name of this process in the log's own logs and metrics: the service's. */
  static register(clientId: string, settings: EventLogSettings): DynamicModule {
    return {
      module: EventLogModule,
      global: true,
      providers: [{ provide: EventLog, useFactory: () => openEventLog(clientId, settings, warn) }],
      exports: [EventLog],
    };
  }

  async onApplicationShutdown(): Promise<void> {
    await this.eventLog.close();
  }
}

const logger = new Logger(EventLogModule.name);

function warn(error: unknown): void {
  logger.warn(`The event log: ${error instanceof Error ? error.message : String(error)}`);
}
