// Lends books: one aggregate, HTTP in, events out.
import { Body, Controller, type DynamicModule, Get, Module, Param, Post } from '@nestjs/common';
import { EventLogModule } from '@atlas/adapters/event-log';
import { provide, serve } from '@atlas/adapters/nest';
import {
  type AggregateMapping,
  AggregateStore,
  databaseIsThere,
  PostgresModule,
  PostgresUnitOfWork,
} from '@atlas/adapters/postgres';
import { type Change, changed, unchanged } from '@atlas/kernel';
import { Outbox, publishedAs } from '@atlas/ports/adapters';
import { IdGenerator } from '@atlas/ports/application';
import { Idempotent, notFound, type ServiceDefinition, serviceSettings } from '@atlas/service';
import { EntitySchema, type MigrationInterface, type QueryRunner } from 'typeorm';
import { z } from 'zod';
import { BookLent, BookReturned } from './contracts';

interface LoanState {
  readonly id: string;
  readonly memberId: string;
  readonly book: string;
  readonly status: 'lent' | 'returned';
  readonly version: number;
}

type LoanEvent = { readonly type: 'lent' } | { readonly type: 'returned' };
type LoanChange = Change<Loan, LoanEvent>;

class Loan {
  constructor(readonly state: LoanState) {}

  static lend(loan: Pick<LoanState, 'id' | 'memberId' | 'book'>): LoanChange {
    return changed(new Loan({ ...loan, status: 'lent', version: 1 }), { type: 'lent' });
  }

  giveBack(): LoanChange {
    if (this.state.status === 'returned') return unchanged(this);
    const { version } = this.state;
    return changed(new Loan({ ...this.state, status: 'returned', version: version + 1 }), {
      type: 'returned',
    });
  }

  get id(): string {
    return this.state.id;
  }

  get version(): number {
    return this.state.version;
  }
}

abstract class LoanRepository {
  abstract add(lent: LoanChange): Promise<void>;
  abstract update(id: string, change: (loan: Loan) => LoanChange): Promise<Loan | undefined>;
  abstract get(id: string): Promise<Loan | undefined>;
}

class LendBook {
  constructor(
    private readonly loans: LoanRepository,
    private readonly ids: IdGenerator,
  ) {}

  async execute({ memberId, book }: Pick<LoanState, 'memberId' | 'book'>): Promise<Loan> {
    const lent = Loan.lend({ id: this.ids.next(), memberId, book });
    await this.loans.add(lent);
    return lent.next;
  }
}

class ReturnBook {
  constructor(private readonly loans: LoanRepository) {}

  execute(id: string): Promise<Loan | undefined> {
    return this.loans.update(id, (loan) => loan.giveBack());
  }
}

class GetLoan {
  constructor(private readonly loans: LoanRepository) {}

  execute(id: string): Promise<Loan | undefined> {
    return this.loans.get(id);
  }
}

const LoanEntity = new EntitySchema<LoanState>({
  name: 'loan',
  tableName: 'loan',
  columns: {
    id: { type: 'uuid', primary: true },
    memberId: { name: 'member_id', type: 'text', update: false },
    book: { type: 'text', update: false },
    status: { type: 'text' },
    version: { type: 'integer' },
  },
});

const loanMapping: AggregateMapping<Loan, LoanEvent, LoanState> = {
  entity: LoanEntity,
  toRow: (loan) => loan.state,
  fromRow: (row) => new Loan({ ...row }),
  published: publishedAs(({ type }, { id: loanId, state: { memberId, book } }) =>
    type === 'lent'
      ? { contract: BookLent, data: { loanId, memberId, book } }
      : { contract: BookReturned, data: { loanId, memberId } },
  ),
};

class PostgresLoanRepository extends LoanRepository {
  private readonly loans: AggregateStore<Loan, LoanEvent, LoanState>;

  constructor(unitOfWork: PostgresUnitOfWork, outbox: Outbox) {
    super();
    this.loans = new AggregateStore(unitOfWork, outbox, loanMapping);
  }

  add(lent: LoanChange): Promise<void> {
    return this.loans.add(lent);
  }

  update(id: string, change: (loan: Loan) => LoanChange): Promise<Loan | undefined> {
    return this.loans.update(id, change);
  }

  get(id: string): Promise<Loan | undefined> {
    return this.loans.get(id);
  }
}

class Lending1795737700000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE loan (
        id uuid PRIMARY KEY,
        member_id text NOT NULL,
        book text NOT NULL,
        status text NOT NULL CHECK (status IN ('lent', 'returned')),
        version integer NOT NULL
      )`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE loan');
  }
}

const lendBody = z.object({ memberId: z.string().min(1), book: z.string().min(1) });
const loanId = z.uuid('A loan id is a UUID');

@Controller('loans')
class LoansController {
  constructor(
    private readonly lendBook: LendBook,
    private readonly returnBook: ReturnBook,
    private readonly getLoan: GetLoan,
  ) {}

  @Post()
  @Idempotent()
  async lend(@Body({ schema: lendBody }) body: z.infer<typeof lendBody>): Promise<LoanState> {
    return (await this.lendBook.execute(body)).state;
  }

  @Post(':id/return')
  @Idempotent()
  async giveBack(@Param('id', { schema: loanId }) id: string): Promise<LoanState> {
    return found(await this.returnBook.execute(id), id).state;
  }

  @Get(':id')
  async read(@Param('id', { schema: loanId }) id: string): Promise<LoanState> {
    return found(await this.getLoan.execute(id), id).state;
  }
}

function found(loan: Loan | undefined, id: string): Loan {
  return loan ?? notFound('loan', id);
}

const settings = serviceSettings({ port: 4301 });

@Module({})
class LendingModule {
  static register(values: z.infer<typeof settings>): DynamicModule {
    return {
      module: LendingModule,
      imports: [
        PostgresModule.register(values, {
          entities: [LoanEntity],
          migrations: [Lending1795737700000],
        }),
        EventLogModule.register('lending', values),
      ],
      controllers: [LoansController],
      providers: [
        provide(LendBook, LoanRepository, IdGenerator),
        provide(ReturnBook, LoanRepository),
        provide(GetLoan, LoanRepository),
        serve(LoanRepository, PostgresLoanRepository, PostgresUnitOfWork, Outbox),
      ],
    };
  }
}

export const lendingApp = {
  name: 'lending',
  settings,
  module: (values) => LendingModule.register(values),
  readiness: { database: databaseIsThere },
} satisfies ServiceDefinition<typeof settings.shape>;
