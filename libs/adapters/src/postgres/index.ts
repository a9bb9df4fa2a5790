export { connectDatabase, type DatabaseOptions } from './data-source';
export { type OutboxSourceOptions, PostgresOutboxSource } from './outbox-source';
export { databaseIsThere, PostgresModule } from './postgres.module';
export { PostgresUnitOfWork } from './unit-of-work';
