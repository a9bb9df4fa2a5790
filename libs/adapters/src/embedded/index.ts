export { EmbeddedEventLog, type EmbeddedEventLogOptions } from './event-log/event-log';
export { EmbeddedPostgres, type EmbeddedPostgresOptions, type ServerExit } from './postgres-server';
