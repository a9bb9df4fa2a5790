export { type AggregateMapping, AggregateStore } from './aggregate-store';
export { AppendStore } from './append-store';
export { connectDatabase, type DatabaseOptions } from './data-source';
export { migrateDatabase } from './migrate';
export { wholeNumber } from './entity-table';
export { cursorAfter, formatCursor, type OutboxCursor, parseCursor } from './outbox-cursor';
export { type OutboxSourceOptions, PostgresOutboxSource } from './outbox-source';
export { databaseIsThere, PostgresModule } from './postgres.module';
export { PostgresUnitOfWork } from './unit-of-work';
