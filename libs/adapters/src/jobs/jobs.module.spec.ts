import { type INestApplicationContext, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { UnitOfWork } from '@atlas/ports/adapters';
import { JobTrigger } from '@atlas/ports/application';
import { eventually, MemoryDatabase, MemoryUnitOfWork } from '@atlas/testing';
import { JobsModule } from './jobs.module';

const AN_HOUR = 3_600_000;

/** A command that the test looks into: it holds each run until it is let go, or fails it. */
class TidyUp {
  runs = 0;
  running = 0;
  failures = 0;
  again = 0;
  gate: Promise<void> = Promise.resolve();

  async execute(): Promise<'again' | undefined> {
    this.runs += 1;
    this.running += 1;
    await this.gate;
    this.running -= 1;
    if (this.failures-- > 0) throw new Error('nothing is tidy yet');
    return this.again-- > 0 ? 'again' : undefined;
  }
}

/** Letters are claimed, stamped and recorded. */
class Post {
  readonly waiting: string[] = [];
  readonly recorded: string[] = [];
  claims = 0;
}
class ClaimLetters {
  constructor(private readonly post: Post) {}
  async execute(limit: number): Promise<readonly string[]> {
    this.post.claims += 1;
    return this.post.waiting.splice(0, limit);
  }
}
class StampLetter {
  execute = async (letter: string): Promise<string> => `${letter}, stamped`;
}
class RecordLetters {
  constructor(private readonly post: Post) {}
  execute = async (letters: readonly string[]): Promise<void> => void this.post.recorded.push(...letters);
}

@Module({})
class Replica {}

const database = { provide: UnitOfWork, useFactory: () => new MemoryUnitOfWork(new MemoryDatabase()) };

@Module({ providers: [database], exports: [database] })
class Database {}

async function startReplica(everyMs = AN_HOUR): Promise<INestApplicationContext> {
  const backbone = { module: Database, global: true };
  return NestFactory.createApplicationContext(
    {
      module: Replica,
      imports: [
        backbone,
        JobsModule.register({
          jobs: [
            { name: 'tidy-up', everyMs, command: TidyUp },
            {
              name: 'send-post',
              everyMs,
              maxOpen: 2,
              claim: ClaimLetters,
              work: StampLetter,
              record: RecordLetters,
            },
          ],
        }),
      ],
      providers: [
        TidyUp,
        Post,
        StampLetter,
        { provide: ClaimLetters, inject: [Post], useFactory: (post: Post) => new ClaimLetters(post) },
        { provide: RecordLetters, inject: [Post], useFactory: (post: Post) => new RecordLetters(post) },
      ],
    },
    { logger: false, abortOnError: false },
  );
}

describe('A background job', () => {
  let replicas: [INestApplicationContext, INestApplicationContext];

  beforeEach(async () => {
    replicas = [await startReplica(), await startReplica()];
    const hasBegun = (replica: INestApplicationContext) =>
      replica.get(TidyUp).runs === 1 && replica.get(Post).claims === 1;
    await eventually(() => replicas.every(hasBegun));
  });
  afterEach(() => Promise.all(replicas.map((replica) => replica.close())));

  const tidyUp = (replica = 0) => replicas[replica]!.get(TidyUp);
  const trigger = (job = 'tidy-up', replica = 0) =>
    replicas[replica]!.get(JobTrigger, { strict: false }).trigger(job);
  const inUnit = (work: () => Promise<void>) => replicas[0].get(UnitOfWork, { strict: false }).run(work);

  it('runs in each replica from the start, and again when its time has come', async () => {
    const third = await startReplica(10);
    await eventually(() => third.get(TidyUp).runs >= 3);
    await third.close();
    expect(tidyUp(0).runs).toBe(1);
  });

  it('runs at once when it is triggered, in that replica', async () => {
    trigger();
    await eventually(() => tidyUp(0).runs === 2);
    expect(tidyUp(1).runs).toBe(1);
  });

  it('runs on without a rest while it says so', async () => {
    tidyUp().again = 3;
    trigger();
    await eventually(() => tidyUp().runs === 5);
  });

  it('runs again when it fails', async () => {
    tidyUp().failures = 1;
    trigger();
    await eventually(() => tidyUp().runs === 3);
  });

  it('is triggered by a unit of work once that commits', async () => {
    await inUnit(async () => {
      trigger();
      trigger('send-post');
      await new Promise(setImmediate);
      expect(tidyUp().runs).toBe(1);
      replicas[0].get(Post).waiting.push('a letter');
    });
    await eventually(() => tidyUp().runs === 2 && replicas[0].get(Post).recorded.length === 1);
  });

  it('is not triggered by a unit of work that rolls back', async () => {
    const rolledBack = inUnit(async () => {
      trigger('send-post');
      throw new Error('sold out');
    });
    await expect(rolledBack).rejects.toThrow('sold out');
    replicas[0].get(Post).waiting.push('a letter');
    trigger();
    await eventually(() => tidyUp().runs === 2);
    expect(replicas[0].get(Post).recorded).toEqual([]);
  });

  it('can claim items, work on them and record the results', async () => {
    const post = replicas[0].get(Post);
    post.waiting.push('first', 'second', 'third');
    trigger('send-post');
    await eventually(() => post.recorded.length === 3);
    expect(post.recorded).toEqual(['first, stamped', 'second, stamped', 'third, stamped']);
  });

  it('ends its run before its replica stops', async () => {
    const gate = Promise.withResolvers<void>();
    tidyUp().gate = gate.promise;
    trigger();
    await eventually(() => tidyUp().running === 1);

    const stopped = jest.fn();
    const stopping = replicas[0].close().then(stopped);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(stopped).not.toHaveBeenCalled();
    gate.resolve();
    await stopping;

    expect(tidyUp()).toMatchObject({ runs: 2, running: 0 });
  });

  it('must be one that the module lists, once', () => {
    expect(() => trigger('tidy-down')).toThrow('JobsModule lists no job "tidy-down"');
    const job = { name: 'tidy-up', everyMs: AN_HOUR, command: TidyUp };
    expect(() => JobsModule.register({ jobs: [job, job] })).toThrow('two jobs named "tidy-up"');
  });
});
