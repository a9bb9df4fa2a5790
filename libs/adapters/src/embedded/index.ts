export { deleteTopic } from './event-log/delete-topic';
export { EmbeddedEventLog, type EmbeddedEventLogOptions } from './event-log/event-log';
export { endOrphan } from './postgres-orphan';
export type { ServerExit } from './postgres-process';
export { EmbeddedPostgres, type EmbeddedPostgresOptions } from './postgres-server';
