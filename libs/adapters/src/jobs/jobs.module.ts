import {
  type BeforeApplicationShutdown,
  type DynamicModule,
  Logger,
  Module,
  type OnApplicationBootstrap,
  type Type,
} from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { ExponentialBackoff, handleAll, retry } from 'cockatiel';
import { PgBoss } from 'pg-boss';

/** Work that a service does by itself, again and again: once for all its replicas. */
export interface RecurringJob {
  /** Also the name of its queue. */
  readonly name: string;
  /** When, as a cron expression; a minute is the shortest distance. */
  readonly cron: string;
  /** What it runs, from the service's container. It must be safe to run again, as any job is after a crash. */
  readonly useCase: Type<{ execute(): Promise<unknown> }>;
}

export interface JobsOptions {
  /** `postgres://…` of the service's database, where the queue lives in the schema `jobs`. */
  readonly url: string;
  readonly jobs: readonly RecurringJob[];
}

const SCHEMA = 'jobs';
/** Fewer than the service itself: jobs must not take its requests' connections at the server. */
const MAX_CONNECTIONS = 2;
const STOP_TIMEOUT_MS = 8_000;
/** What a run may take before it counts as lost with its process, and is begun again by another one. */
const EXPIRE_SECONDS = 300;
const DELETE_AFTER_SECONDS = 3_600;

class RecurringJobs {
  constructor(readonly jobs: readonly RecurringJob[]) {}
}

/**
 * The service's recurring jobs, on pg-boss: a queue in its own database, so that each run is some replica's, is tried
 * again if it fails or its process dies, and two never run at a time.
 */
@Module({})
export class JobsModule implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly stopping = new AbortController();
  private started: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly boss: PgBoss,
    private readonly options: RecurringJobs,
    private readonly app: ModuleRef,
  ) {}

  static register({ url, jobs }: JobsOptions): DynamicModule {
    return {
      module: JobsModule,
      providers: [
        { provide: RecurringJobs, useValue: new RecurringJobs(jobs) },
        {
          provide: PgBoss,
          useFactory: () => new PgBoss({ connectionString: url, schema: SCHEMA, max: MAX_CONNECTIONS }),
        },
      ],
    };
  }

  /** In the background, for as long as it takes: a database that is away must not keep the service from starting. */
  onApplicationBootstrap(): void {
    this.boss.on('error', (error) => logger.warn(`The job queue, trying on: ${error.message}`));
    const patiently = retry(handleAll, {
      maxAttempts: Infinity,
      backoff: new ExponentialBackoff({ initialDelay: 200, maxDelay: 10_000 }),
    });
    patiently.onFailure(({ reason }) => {
      if ('error' in reason) logger.warn(`Can't start the job queue yet, trying on: ${String(reason.error)}`);
    });
    this.started = patiently.execute(() => this.start(), this.stopping.signal).catch(() => undefined);
  }

  /** Ends once the run in hand has. */
  async beforeApplicationShutdown(): Promise<void> {
    this.stopping.abort();
    await this.started;
    await this.boss.stop({ graceful: true, timeout: STOP_TIMEOUT_MS });
  }

  private async start(): Promise<void> {
    await this.boss.start();
    for (const { name, cron } of this.options.jobs) {
      await this.boss.createQueue(name, {
        policy: 'exclusive',
        retryLimit: 3,
        retryBackoff: true,
        expireInSeconds: EXPIRE_SECONDS,
        deleteAfterSeconds: DELETE_AFTER_SECONDS,
      });
      await this.boss.schedule(name, cron);
    }
    for (const { name, useCase } of this.options.jobs) {
      await this.boss.work(name, async () => {
        try {
          await this.app.get(useCase, { strict: false }).execute();
        } catch (error) {
          logger.error(error, `The job "${name}" failed, and is tried again`);
          throw error;
        }
      });
    }
  }
}

const logger = new Logger(JobsModule.name);
