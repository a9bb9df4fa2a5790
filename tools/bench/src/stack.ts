import { openEventLog } from '@atlas/adapters/event-log';
import { startKafka } from '@atlas/adapters/kafka/test';
import { startPostgres } from '@atlas/adapters/postgres/test';
import type { EventLog } from '@atlas/ports/adapters';

/** The servers that a benchmark uses. */
export interface Stack {
  /** `host:port` of the brokers. */
  readonly brokers: readonly string[];
  /** The same as `kafka://…`, the services' EVENT_LOG_URL. */
  readonly eventLog: string;
  /** `postgres://…` of the server, on which databases may be created. */
  readonly postgres: string;
  stop(): Promise<void>;
}

export interface StackUrls {
  /** `kafka://host:port,…` of brokers to use instead of a container. */
  readonly kafka?: string | undefined;
  /** `postgres://…` of a server to use instead of a container. */
  readonly postgres?: string | undefined;
}

/** Starts containers for the servers that are not given. */
export async function startStack({ kafka: kafkaUrl, postgres: postgresUrl }: StackUrls): Promise<Stack> {
  const onHost = process.platform === 'linux';
  const [kafka, postgres] = await Promise.all([
    kafkaUrl === undefined ? startKafka({ onHost }) : undefined,
    postgresUrl === undefined ? startPostgres({ onHost }) : undefined,
  ]);
  const brokers = kafka?.brokers ?? (kafkaUrl as string).replace(/^kafka:\/\//, '').split(',');
  return {
    brokers,
    eventLog: `kafka://${brokers.join()}`,
    postgres: postgres?.url ?? (postgresUrl as string),
    stop: async () => {
      await Promise.all([kafka?.remove(), postgres?.remove()]);
    },
  };
}

/** The log as the services open it: with other settings, the topics would differ from what one of them declares. */
export const openLog = ({ eventLog }: Stack): Promise<EventLog> =>
  openEventLog('bench', { EVENT_LOG_URL: eventLog }, () => undefined);
