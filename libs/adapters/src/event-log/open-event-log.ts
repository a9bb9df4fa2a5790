import { readFileSync } from 'node:fs';
import type { EventLog } from '@atlas/ports/adapters';
import { EmbeddedEventLog } from '../embedded';
import type { KafkaEventLogOptions } from '../kafka';

/** Where the event log is, as the environment says it; the names under KAFKA are those of Kafka's own settings. */
export interface EventLogSettings {
  /** `kafka://host:port,host:port`, or `postgres://…` of the embedded log's database. */
  readonly EVENT_LOG_URL: string;
  readonly KAFKA_SECURITY_PROTOCOL?: 'PLAINTEXT' | 'SSL' | 'SASL_PLAINTEXT' | 'SASL_SSL' | undefined;
  readonly KAFKA_SASL_MECHANISM?: 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512' | undefined;
  readonly KAFKA_SASL_USERNAME?: string | undefined;
  readonly KAFKA_SASL_PASSWORD?: string | undefined;
  /** A file with the certificates to trust, PEM. Default: the system's. */
  readonly KAFKA_SSL_CA_FILE?: string | undefined;
  /** Begins the names of topics, groups and publishers on the brokers, such as `staging.`. Default: none. */
  readonly KAFKA_PREFIX?: string | undefined;
  /** How many brokers keep each record of topics that are made. Default 1. */
  readonly KAFKA_REPLICATION_FACTOR?: number | undefined;
  /** How long topics keep records; on Kafka, those that are made. Default a week. */
  readonly EVENT_LOG_RETENTION_HOURS?: number | undefined;
}

const HOUR_MS = 3_600_000;
const WEEK_HOURS = 7 * 24;

/**
 * Opens the log that the settings name.
 * @param clientId the name of this process in the brokers' logs and metrics.
 * @param onError called with each error that is being retried.
 * @throws Error that names the setting that is missing or wrong.
 */
export async function openEventLog(
  clientId: string,
  settings: EventLogSettings,
  onError: (error: unknown) => void,
): Promise<EventLog> {
  const url = settings.EVENT_LOG_URL;
  const retentionMs = (settings.EVENT_LOG_RETENTION_HOURS ?? WEEK_HOURS) * HOUR_MS;
  if (!url.startsWith('kafka://')) return EmbeddedEventLog.open(url, { onError, retentionMs });
  // Loaded where it is used: the embedded platform's processes are many, and have no need of it.
  const { KafkaEventLog } = await import('../kafka/index.js');
  return KafkaEventLog.open({
    brokers: url.slice('kafka://'.length).split(','),
    clientId,
    ...security(settings),
    prefix: settings.KAFKA_PREFIX ?? '',
    replicationFactor: settings.KAFKA_REPLICATION_FACTOR ?? 1,
    retentionMs,
    onError,
  });
}

function security(settings: EventLogSettings): Pick<KafkaEventLogOptions, 'ssl' | 'sasl'> {
  const { KAFKA_SECURITY_PROTOCOL: protocol = 'PLAINTEXT', KAFKA_SSL_CA_FILE: caFile } = settings;
  return {
    ...(protocol.endsWith('SSL') && { ssl: caFile ? { ca: certificates(caFile) } : true }),
    ...(protocol.startsWith('SASL_') && { sasl: credentials(settings, protocol) }),
  };
}

function certificates(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new Error(`KAFKA_SSL_CA_FILE can't be read: ${(error as Error).message}`, { cause: error });
  }
}

function credentials(
  settings: EventLogSettings,
  protocol: string,
): NonNullable<KafkaEventLogOptions['sasl']> {
  const {
    KAFKA_SASL_MECHANISM: mechanism = 'PLAIN',
    KAFKA_SASL_USERNAME: username,
    KAFKA_SASL_PASSWORD: password,
  } = settings;
  if (!username || !password) {
    throw new Error(
      `KAFKA_SECURITY_PROTOCOL ${protocol} needs KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD: set both`,
    );
  }
  return { mechanism: mechanism.toLowerCase() as 'plain', username, password };
}
