import { Global, Module } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { IdempotencyStore } from '@atlas/ports/adapters';
import { eventually, MemoryDatabase, MemoryIdempotencyStore, MemoryUnitOfWork } from '@atlas/testing';
import { IdempotencyModule } from './idempotency.module';

describe('A service that keeps answers by their keys', () => {
  it('forgets those whose time is over, however many there are, by itself', async () => {
    const database = new MemoryDatabase();
    const unitOfWork = new MemoryUnitOfWork(database);
    const store = new MemoryIdempotencyStore(unitOfWork, { now: () => new Date() });
    const answer = { status: 201, headers: {}, body: undefined };
    await unitOfWork.run(async () => {
      for (let key = 0; key < 12_000; key += 1) {
        const isOver = key !== 7_000;
        await store.store(
          { scope: 'POST /loans', key: `${key}`, fingerprint: '' },
          answer,
          isOver ? -1 : 60_000,
        );
      }
    });

    @Global()
    @Module({ providers: [{ provide: IdempotencyStore, useValue: store }], exports: [IdempotencyStore] })
    class DatabaseModule {}

    const module = await Test.createTestingModule({ imports: [IdempotencyModule, DatabaseModule] }).compile();
    await module.init();
    await eventually(() => database.idempotencyKeys.committed.size === 1);
    expect([...database.idempotencyKeys.committed.keys()]).toEqual(['POST /loans 7000']);
    await module.close();
  });

  it('starts without such a store, too', async () => {
    const module = await Test.createTestingModule({ imports: [IdempotencyModule] }).compile();
    await module.init();
    await module.close();
  });
});
