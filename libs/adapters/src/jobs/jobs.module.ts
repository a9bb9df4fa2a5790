import {
  type BeforeApplicationShutdown,
  type DynamicModule,
  Logger,
  Module,
  type OnApplicationBootstrap,
  type Type,
} from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { UnitOfWork } from '@atlas/ports/adapters';
import { JobTrigger } from '@atlas/ports/application';
import { isInfrastructureError, Loop } from '@atlas/resilience';
import { JobMetrics } from './job-metrics';
import { WorkPump } from './work-pump';

/** A command that runs again and again in every replica; so it must be safe to run in several at a time. */
export interface RecurringJob {
  readonly name: string;
  /** Milliseconds from the end of a run to the next one. A run that resolves to `'again'` is followed at once. */
  readonly everyMs: number;
  /** Taken from the service's container. */
  readonly command: Type<{ execute(): Promise<unknown> }>;
}

/** Items that are claimed, worked on many at a time, and recorded: see {@link WorkPump}. */
export interface PumpedJob {
  readonly name: string;
  /** How often it looks for items, milliseconds. */
  readonly everyMs: number;
  /** How many items may be claimed and not yet recorded at a time, in each replica. */
  readonly maxOpen: number;
  /** Yields the items, `limit` at most. */
  readonly claim: Type<{ execute(limit: number): Promise<readonly unknown[]> }>;
  /** Yields an item's result. */
  readonly work: Type<{ execute(item: never): Promise<unknown> }>;
  /** Records results. */
  readonly record: Type<{ execute(results: never): Promise<unknown> }>;
}

export type BackgroundJob = RecurringJob | PumpedJob;

export interface JobsOptions {
  readonly jobs: readonly BackgroundJob[];
}

interface RunningJob {
  start(): unknown;
  wake(): void;
  stop(): Promise<void>;
}

/** Each of the service's jobs as a loop of this process. */
class Jobs extends JobTrigger implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly logger = new Logger(JobsModule.name);
  private readonly metrics = new JobMetrics();
  private readonly running = new Map<string, RunningJob>();

  constructor(
    private readonly jobs: readonly BackgroundJob[],
    private readonly unitOfWork: UnitOfWork,
    private readonly app: ModuleRef,
  ) {
    super();
  }

  /** @throws Error if the module lists no job of that name. */
  trigger(name: string): void {
    if (!this.jobs.some((job) => job.name === name)) throw new Error(`JobsModule lists no job "${name}"`);
    this.unitOfWork.afterCommit(() => this.running.get(name)?.wake());
  }

  onApplicationBootstrap(): void {
    for (const job of this.jobs) {
      this.running.set(job.name, 'command' in job ? this.loop(job) : this.pump(job));
    }
    for (const job of this.running.values()) void job.start();
  }

  /** Resolves once the runs in hand have ended: the database closes later. */
  async beforeApplicationShutdown(): Promise<void> {
    await Promise.all([...this.running.values()].map((job) => job.stop()));
  }

  private loop({ name, everyMs, command }: RecurringJob): RunningJob {
    const instance = this.get(command);
    const run = () => this.metrics.measure(name, () => instance.execute());
    return new Loop(async () => ((await run()) === 'again' ? 'again' : 'rest'), {
      restMs: everyMs,
      onFailure: (error, delayMs) => this.failed(name, error, delayMs),
    });
  }

  private pump({ name, everyMs, maxOpen, ...commands }: PumpedJob): RunningJob {
    const [claim, work, record] = [
      this.get(commands.claim),
      this.get(commands.work),
      this.get(commands.record),
    ];
    return new WorkPump(
      {
        claim: (limit) => claim.execute(limit),
        work: (item) => this.metrics.measure(name, () => work.execute(item as never)),
        record: (results) => record.execute(results as never),
      },
      {
        everyMs,
        maxOpen,
        onFailure: (error, delayMs) => this.failed(name, error, delayMs),
        onAbandoned: (error) =>
          this.logger.error({ err: error }, `The job "${name}" abandoned an item: ${String(error)}`),
      },
    );
  }

  private failed(name: string, error: unknown, delayMs: number): void {
    const text = `The job "${name}" failed and runs again in ${Math.round(delayMs)} ms: ${String(error)}`;
    if (isInfrastructureError(error)) this.logger.warn(text);
    else this.logger.error({ err: error }, text);
  }

  private get<Command>(command: Type<Command>): Command {
    return this.app.get(command, { strict: false });
  }
}

/**
 * A service's background work: every replica runs each job. {@link JobTrigger} runs one of this process soon, after the
 * commit of what made it necessary. A run that fails is logged and repeated with backoff.
 */
@Module({})
export class JobsModule {
  static register({ jobs }: JobsOptions): DynamicModule {
    const names = jobs.map(({ name }) => name);
    const twice = names.find((name, index) => names.indexOf(name) !== index);
    if (twice !== undefined) throw new Error(`JobsModule lists two jobs named "${twice}"`);
    return {
      module: JobsModule,
      providers: [
        {
          provide: JobTrigger,
          inject: [UnitOfWork, ModuleRef],
          useFactory: (unitOfWork: UnitOfWork, app: ModuleRef) => new Jobs(jobs, unitOfWork, app),
        },
      ],
      exports: [JobTrigger],
    };
  }
}
