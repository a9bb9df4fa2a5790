// Shelves the copies of returned books: consumes events, changes an aggregate, and publishes what it did.
import { Controller, type DynamicModule, Get, Module, Param } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { EventLogModule } from '@atlas/adapters/event-log';
import { provide } from '@atlas/adapters/nest';
import {
  type AggregateMapping,
  AggregateStore,
  databaseIsThere,
  PostgresModule,
  PostgresUnitOfWork,
} from '@atlas/adapters/postgres';
import type { EventOf } from '@atlas/events';
import { type Change, changed, unchanged } from '@atlas/kernel';
import { Outbox, publishedAs } from '@atlas/ports/adapters';
import { notFound, type ServiceDefinition, serviceSettings } from '@atlas/service';
import { EntitySchema, type MigrationInterface, type QueryRunner } from 'typeorm';
import type { z } from 'zod';
import { BookLent, BookReturned, catalogue, CopyShelved } from './contracts';

interface CopyState {
  /** The loan's. */
  readonly id: string;
  readonly status: 'expected' | 'shelved' | 'lent';
  readonly version: number;
}

type CopyChange = Change<Copy, { readonly type: 'shelved' }>;

class Copy {
  constructor(readonly state: CopyState) {}

  shelve(): CopyChange {
    if (this.state.status !== 'expected') return unchanged(this);
    const shelved = new Copy({ ...this.state, status: 'shelved', version: this.state.version + 1 });
    return changed(shelved, { type: 'shelved' });
  }

  lend(): CopyChange {
    return { next: new Copy({ ...this.state, status: 'lent' }), events: [] };
  }

  get id(): string {
    return this.state.id;
  }

  get version(): number {
    return this.state.version;
  }
}

const CopyEntity = new EntitySchema<CopyState>({
  name: 'copy',
  tableName: 'copy',
  columns: {
    id: { type: 'uuid', primary: true },
    status: { type: 'text' },
    version: { type: 'integer' },
  },
});

const copyMapping: AggregateMapping<Copy, { readonly type: 'shelved' }, CopyState> = {
  entity: CopyEntity,
  toRow: (copy) => copy.state,
  fromRow: (row) => new Copy({ ...row }),
  published: publishedAs((_event, { id: loanId }) => ({ contract: CopyShelved, data: { loanId } })),
};

class Copies {
  private readonly copies: AggregateStore<Copy, { readonly type: 'shelved' }, CopyState>;

  constructor(unitOfWork: PostgresUnitOfWork, outbox: Outbox) {
    this.copies = new AggregateStore(unitOfWork, outbox, copyMapping);
  }

  get(id: string): Promise<Copy | undefined> {
    return this.copies.get(id);
  }

  async update(id: string, change: (copy: Copy) => CopyChange): Promise<void> {
    if (!(await this.copies.update(id, change))) throw new Error(`There is no copy of loan ${id}`);
  }
}

@Controller()
class LendingHandler {
  constructor(private readonly copies: Copies) {}

  @EventPattern<string>(BookReturned.type)
  returned(@Payload() { data }: EventOf<typeof BookReturned>): Promise<void> {
    return this.copies.update(data.loanId, (copy) => copy.shelve());
  }

  @EventPattern<string>(BookLent.type)
  lent(@Payload() { data }: EventOf<typeof BookLent>): Promise<void> {
    return this.copies.update(data.loanId, (copy) => copy.lend());
  }
}

@Controller('copies')
class CopiesController {
  constructor(private readonly copies: Copies) {}

  @Get(':id')
  async read(@Param('id') id: string): Promise<CopyState> {
    return ((await this.copies.get(id)) ?? notFound('copy', id)).state;
  }
}

class Shelves1795737700000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(
      'CREATE TABLE copy (id uuid PRIMARY KEY, status text NOT NULL, version integer NOT NULL)',
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE copy');
  }
}

const settings = serviceSettings({ port: 4303 });

@Module({})
class ShelvesModule {
  static register(values: z.infer<typeof settings>): DynamicModule {
    return {
      module: ShelvesModule,
      imports: [
        PostgresModule.register(values, {
          entities: [CopyEntity],
          migrations: [Shelves1795737700000],
        }),
        EventLogModule.register('shelves', values),
      ],
      controllers: [CopiesController, LendingHandler],
      providers: [provide(Copies, PostgresUnitOfWork, Outbox)],
    };
  }
}

export const shelvesApp = {
  name: 'shelves',
  settings,
  module: (values) => ShelvesModule.register(values),
  events: catalogue,
  readiness: { database: databaseIsThere },
} satisfies ServiceDefinition<typeof settings.shape>;
