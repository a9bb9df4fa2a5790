import { startKafka } from '@atlas/adapters/kafka/test';
import { startPostgres } from '@atlas/adapters/postgres/test';

/** The servers that a benchmark uses. */
export interface Stack {
  /** `host:port` of the brokers. */
  readonly brokers: readonly string[];
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
  return {
    brokers: kafka?.brokers ?? (kafkaUrl as string).replace(/^kafka:\/\//, '').split(','),
    postgres: postgres?.url ?? (postgresUrl as string),
    stop: async () => {
      await Promise.all([kafka?.remove(), postgres?.remove()]);
    },
  };
}
