export { MemoryAggregateStore, type MemoryMapping } from './aggregate-store';
export {
  MemoryAttempts,
  MemoryDeadLetters,
  MemoryIdempotencyStore,
  MemoryInbox,
  MemoryOutbox,
  MemoryPositions,
} from './backbone';
export { MemoryContext } from './context';
export {
  MemoryDatabase,
  MemoryLocks,
  type MemoryTable,
  MemoryTransaction,
  type OutboxRow,
  SerializationFailure,
} from './database';
export { MemoryEventLog, MemoryLogData } from './event-log';
export { type MemoryFaults, MemoryUnitOfWork } from './unit-of-work';
