export { EmbeddedEventLog, type EmbeddedEventLogOptions } from './event-log/event-log';
export { endOrphan } from './postgres-orphan';
export { EmbeddedPostgres, type EmbeddedPostgresOptions, type ServerExit } from './postgres-server';
