export { EmbeddedPostgres, type EmbeddedPostgresOptions, type ServerExit } from './postgres-server';
