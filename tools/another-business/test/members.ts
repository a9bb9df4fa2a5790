// Counts the books that each member has, from the events of lending.
import { Controller, type DynamicModule, Get, Module, Param } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { EventLogModule } from '@atlas/adapters/event-log';
import { databaseIsThere, PostgresModule, PostgresUnitOfWork } from '@atlas/adapters/postgres';
import type { EventOf } from '@atlas/events';
import { type ServiceDefinition, serviceSettings } from '@atlas/service';
import type { MigrationInterface, QueryRunner } from 'typeorm';
import type { z } from 'zod';
import { BookLent, BookReturned, catalogue } from './contracts';

@Controller()
class LendingHandler {
  constructor(private readonly unitOfWork: PostgresUnitOfWork) {}

  @EventPattern<string>(BookLent.type)
  lent(@Payload() { data }: EventOf<typeof BookLent>): Promise<void> {
    return this.count(data.memberId, 1);
  }

  @EventPattern<string>(BookReturned.type)
  returned(@Payload() { data }: EventOf<typeof BookReturned>): Promise<void> {
    return this.count(data.memberId, -1);
  }

  private async count(memberId: string, books: number): Promise<void> {
    await this.unitOfWork.manager.query(
      `INSERT INTO member (id, books, events) VALUES ($1, $2, 1)
       ON CONFLICT (id) DO UPDATE SET books = member.books + excluded.books, events = member.events + 1`,
      [memberId, books],
    );
  }
}

@Controller('members')
class MembersController {
  constructor(private readonly unitOfWork: PostgresUnitOfWork) {}

  /** `events` is how many events were counted, so that one that counts twice is noticed. */
  @Get(':id')
  async read(@Param('id') id: string): Promise<{ books: number; events: number }> {
    return this.unitOfWork.run(async () => {
      const rows: { books: number; events: number }[] = await this.unitOfWork.manager.query(
        'SELECT books, events FROM member WHERE id = $1',
        [id],
      );
      return rows[0] ?? { books: 0, events: 0 };
    });
  }
}

class Members1795737700000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(
      'CREATE TABLE member (id text PRIMARY KEY, books integer NOT NULL, events integer NOT NULL)',
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE member');
  }
}

const settings = serviceSettings({ port: 4302 });

@Module({})
class MembersModule {
  static register(values: z.infer<typeof settings>): DynamicModule {
    return {
      module: MembersModule,
      imports: [
        PostgresModule.register(values, {
          entities: [],
          migrations: [Members1795737700000],
        }),
        EventLogModule.register('members', values),
      ],
      controllers: [MembersController, LendingHandler],
    };
  }
}

export const membersApp = {
  name: 'members',
  settings,
  module: (values) => MembersModule.register(values),
  events: catalogue,
  readiness: { database: databaseIsThere },
} satisfies ServiceDefinition<typeof settings.shape>;
