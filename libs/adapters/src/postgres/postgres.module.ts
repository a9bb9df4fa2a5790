import {
  type DynamicModule,
  Logger,
  Module,
  type OnApplicationShutdown,
  type OnModuleInit,
} from '@nestjs/common';
import type { ModuleRef } from '@nestjs/core';
import {
  Attempts,
  DeadLetters,
  IdempotencyStore,
  Inbox,
  Outbox,
  Positions,
  UnitOfWork,
} from '@atlas/ports/adapters';
import { Clock, IdGenerator, Random } from '@atlas/ports/application';
import { DataSource } from 'typeorm';
import { provide, serve } from '../nest';
import { SystemClock, SystemRandom, UuidV7Generator } from '../system';
import { PostgresAttempts } from './attempts';
import { connectDatabase, type DatabaseOptions } from './data-source';
import { PostgresDeadLetters } from './dead-letters';
import { PostgresIdempotencyStore } from './idempotency-store';
import { PostgresInbox } from './inbox';
import { PostgresOutbox } from './outbox';
import { measurePool } from './pool-metrics';
import { PostgresPositions } from './positions';
import { PostgresUnitOfWork } from './unit-of-work';

/** Where a database is, as the environment says it. */
export interface DatabaseSettings {
  readonly DATABASE_URL: string;
  readonly MIGRATIONS?: DatabaseOptions['migrate'];
}

/** For readiness: rejects while the database doesn't respond. */
export const databaseIsThere = (app: Pick<ModuleRef, 'get'>): Promise<unknown> =>
  app.get(DataSource, { strict: false }).query('SELECT 1');

/** A context's database: the ports of the backbone on one {@link DataSource}. */
@Module({})
export class PostgresModule implements OnModuleInit, OnApplicationShutdown {
  constructor(private readonly dataSource: DataSource) {}

  static register(
    { DATABASE_URL: url, MIGRATIONS: migrate }: DatabaseSettings,
    options: Pick<DatabaseOptions, 'entities' | 'migrations' | 'statementTimeoutMs'> = {},
  ): DynamicModule {
    return {
      module: PostgresModule,
      global: true,
      providers: [
        {
          provide: DataSource,
          useFactory: () => connectDatabase({ ...options, url, migrate, onRetry: warn }),
        },
        { provide: Clock, useClass: SystemClock },
        { provide: IdGenerator, useClass: UuidV7Generator },
        { provide: Random, useClass: SystemRandom },
        provide(PostgresUnitOfWork, DataSource),
        { provide: UnitOfWork, useExisting: PostgresUnitOfWork },
        serve(Outbox, PostgresOutbox, PostgresUnitOfWork, Clock, IdGenerator),
        serve(Inbox, PostgresInbox, PostgresUnitOfWork),
        serve(DeadLetters, PostgresDeadLetters, PostgresUnitOfWork),
        serve(Positions, PostgresPositions, PostgresUnitOfWork),
        serve(Attempts, PostgresAttempts, DataSource),
        serve(IdempotencyStore, PostgresIdempotencyStore, PostgresUnitOfWork),
      ],
      exports: [
        DataSource,
        Clock,
        IdGenerator,
        Random,
        PostgresUnitOfWork,
        UnitOfWork,
        Outbox,
        Inbox,
        DeadLetters,
        Positions,
        Attempts,
        IdempotencyStore,
      ],
    };
  }

  onModuleInit(): void {
    measurePool(this.dataSource);
  }

  async onApplicationShutdown(): Promise<void> {
    await this.dataSource.destroy();
  }
}

const logger = new Logger(PostgresModule.name);

function warn(error: unknown): void {
  logger.warn(`The database is not ready yet, retrying: ${String(error)}`);
}
