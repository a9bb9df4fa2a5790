import { randomUUID } from 'node:crypto';
import { backboneContract } from '../backbone.contract';
import { eventLogContract } from '../event-log.contract';
import {
  MemoryDatabase,
  MemoryAttempts,
  MemoryDeadLetters,
  MemoryEventLog,
  MemoryIdempotencyStore,
  MemoryInbox,
  MemoryLogData,
  MemoryOutbox,
  MemoryUnitOfWork,
} from '.';

backboneContract('memory', async () => {
  const database = new MemoryDatabase();
  const clock = { now: () => new Date() };
  return {
    process: async () => {
      const unitOfWork = new MemoryUnitOfWork(database);
      const outbox = new MemoryOutbox(unitOfWork, clock, { next: () => randomUUID() });
      return {
        unitOfWork,
        outbox,
        inbox: new MemoryInbox(unitOfWork),
        deadLetters: new MemoryDeadLetters(unitOfWork),
        attempts: new MemoryAttempts(database),
        idempotency: new MemoryIdempotencyStore(unitOfWork, clock),
        committed: async () => outbox.committed(),
      };
    },
    close: async () => undefined,
  };
});

eventLogContract('The event log in memory', async () => {
  const data = new MemoryLogData();
  return { connect: async (onError) => new MemoryEventLog(data, onError), drop: async () => undefined };
});
