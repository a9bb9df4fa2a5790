import { type DynamicModule, Logger, Module, type OnApplicationShutdown } from '@nestjs/common';
import { EventLog } from '@atlas/ports';
import { EmbeddedEventLog } from '../embedded';

export interface EventLogOptions {
  /** `postgres://…` of the embedded log's database. */
  readonly url: string;
}

/** The event log that the platform runs on, as the port {@link EventLog}. */
@Module({})
export class EventLogModule implements OnApplicationShutdown {
  constructor(private readonly eventLog: EventLog) {}

  static with({ url }: EventLogOptions): DynamicModule {
    return {
      module: EventLogModule,
      global: true,
      providers: [{ provide: EventLog, useFactory: () => EmbeddedEventLog.open(url, { onError: warn }) }],
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
