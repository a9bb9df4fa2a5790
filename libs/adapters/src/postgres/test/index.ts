export { type PostgresContainer, startPostgres } from './postgres-container';
