import { randomUUID } from 'node:crypto';
import {
  aggregateStoreContract,
  type Loan,
  type LoanEvent,
  publishedLoan,
} from '../aggregate-store.contract';
import { backboneContract } from '../backbone.contract';
import { eventLogContract } from '../event-log.contract';
import {
  MemoryAggregateStore,
  MemoryAttempts,
  MemoryDatabase,
  MemoryDeadLetters,
  MemoryEventLog,
  MemoryIdempotencyStore,
  MemoryInbox,
  MemoryLogData,
  MemoryOutbox,
  MemoryPositions,
  MemoryUnitOfWork,
  SerializationFailure,
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
        positions: new MemoryPositions(unitOfWork),
        attempts: new MemoryAttempts(database),
        idempotency: new MemoryIdempotencyStore(unitOfWork, clock),
        committed: async () => outbox.committed(),
      };
    },
    close: async () => undefined,
  };
});

aggregateStoreContract('in memory', async () => {
  const database = new MemoryDatabase();
  const outboxOf = (unitOfWork: MemoryUnitOfWork) =>
    new MemoryOutbox(unitOfWork, { now: () => new Date() }, { next: () => randomUUID() });
  return {
    process: async () => {
      const unitOfWork = new MemoryUnitOfWork(database);
      const mapping = { name: 'loan', dueAt: (loan: Loan) => loan.dueAt, published: publishedLoan };
      const store = (turn?: string) =>
        new MemoryAggregateStore<Loan, LoanEvent>(unitOfWork, outboxOf(unitOfWork), {
          ...mapping,
          ...(turn !== undefined && { turn }),
        });
      return { unitOfWork, loans: store(), inTurn: store('loans') };
    },
    waiting: async () => database.locks.waitingCount,
    events: async (loanId) =>
      database.outbox.map(({ event }) => event).filter(({ subject }) => subject === loanId),
    close: async () => undefined,
  };
});

eventLogContract('The event log in memory', async () => {
  const data = new MemoryLogData();
  return {
    connect: async (onError) => new MemoryEventLog(data, onError),
    deleteTopic: async (name) => new MemoryEventLog(data).deleteTopic(name),
    deleteRecords: async (...args) => new MemoryEventLog(data).deleteRecords(...args),
    drop: async () => undefined,
  };
});

describe('A database in memory', () => {
  it('has a transaction try again that would wait in a circle, so that both end', async () => {
    const database = new MemoryDatabase();
    const tries: string[] = [];
    const take = (first: string, second: string) => {
      const unitOfWork = new MemoryUnitOfWork(database);
      return unitOfWork.run(async () => {
        tries.push(first);
        await database.locks.acquire(first, unitOfWork.current);
        await new Promise(setImmediate);
        await database.locks.acquire(second, unitOfWork.current);
      });
    };
    await Promise.all([take('book', 'loan'), take('loan', 'book')]);
    expect(tries).toHaveLength(3);
  });

  it('reports a circle of three', async () => {
    const { locks } = new MemoryDatabase();
    const [one, two, three] = [{}, {}, {}];
    await locks.acquire('a', one);
    await locks.acquire('b', two);
    await locks.acquire('c', three);
    void locks.acquire('b', one);
    void locks.acquire('c', two);
    await expect(locks.acquire('a', three)).rejects.toThrow(SerializationFailure);
  });
});
