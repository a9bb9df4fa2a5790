import type { Backbone, BackboneFixture } from '@atlas/testing';
import type { DataSource } from 'typeorm';
import { SystemClock, UuidV7Generator } from '../system';
import { PostgresAttempts } from './attempts';
import { connectDatabase } from './data-source';
import { PostgresDeadLetters } from './dead-letters';
import { PostgresIdempotencyStore } from './idempotency-store';
import { PostgresInbox } from './inbox';
import { PostgresOutbox } from './outbox';
import { PostgresPositions } from './positions';
import { PostgresUnitOfWork } from './unit-of-work';

/** The PostgreSQL adapters for their contract suite, on an empty database. */
export function postgresBackbone(url: string, drop: () => Promise<void>): BackboneFixture {
  const open: DataSource[] = [];
  return {
    process: async () => {
      const dataSource = await connectDatabase({ url, poolSize: 10 });
      open.push(dataSource);
      return backboneOn(dataSource);
    },
    close: async () => {
      for (const dataSource of open) await dataSource.destroy();
      await drop();
    },
  };
}

function backboneOn(dataSource: DataSource): Backbone {
  const unitOfWork = new PostgresUnitOfWork(dataSource);
  return {
    unitOfWork,
    outbox: new PostgresOutbox(unitOfWork, new SystemClock(), new UuidV7Generator()),
    inbox: new PostgresInbox(unitOfWork),
    deadLetters: new PostgresDeadLetters(unitOfWork),
    positions: new PostgresPositions(unitOfWork),
    attempts: new PostgresAttempts(dataSource),
    idempotency: new PostgresIdempotencyStore(unitOfWork),
    committed: () =>
      // Queries the data source, not the open unit: only committed data.
      dataSource.query(
        'SELECT aggregate_id AS subject, aggregate_version AS "aggregateVersion" FROM outbox ORDER BY id',
      ),
  };
}
