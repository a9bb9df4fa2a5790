export {
  MemoryAttempts,
  MemoryDeadLetters,
  MemoryIdempotencyStore,
  MemoryInbox,
  MemoryOutbox,
} from './backbone';
export { MemoryDatabase } from './database';
export { MemoryEventLog, MemoryLogData } from './event-log';
export { type MemoryFaults, MemoryUnitOfWork, SerializationFailure } from './unit-of-work';
