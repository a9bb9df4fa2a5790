export { MemoryAggregateStore, type MemoryMapping } from './aggregate-store';
export {
  MemoryAttempts,
  MemoryDeadLetters,
  MemoryIdempotencyStore,
  MemoryInbox,
  MemoryOutbox,
} from './backbone';
export { MemoryContext } from './context';
export { MemoryDatabase, type MemoryTable } from './database';
export { MemoryEventLog, MemoryLogData } from './event-log';
export { type MemoryFaults, MemoryUnitOfWork, SerializationFailure } from './unit-of-work';
