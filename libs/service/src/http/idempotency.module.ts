import { type BeforeApplicationShutdown, Logger, Module, type OnApplicationBootstrap } from '@nestjs/common';
import { IdempotencyStore } from '@atlas/ports/adapters';
import { Loop, type Next } from '@atlas/resilience';

const REST_MS = 10 * 60_000;
/** Small enough that no statement takes long. */
const PAGE = 5_000;

/** Deletes expired answers in the background, a page at a time. Several replicas may run it at once. */
export class IdempotencyPruner implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly logger = new Logger(IdempotencyPruner.name);
  private readonly loop = new Loop(() => this.prune(), {
    restMs: REST_MS,
    initialDelayMs: 1_000,
    maxDelayMs: REST_MS,
    onFailure: (error) =>
      this.logger.warn(`Can't delete expired idempotency keys; trying again later: ${String(error)}`),
  });

  /** @param store without one, there is nothing to delete. */
  constructor(private readonly store?: IdempotencyStore) {}

  onApplicationBootstrap(): void {
    if (this.store) void this.loop.start();
  }

  beforeApplicationShutdown(): Promise<void> {
    return this.loop.stop();
  }

  private async prune(): Promise<Next> {
    const deleted = (await this.store?.prune(PAGE)) ?? 0;
    return deleted === PAGE ? 'again' : 'rest';
  }
}

/** Prunes the service's idempotency store, if it has one. */
@Module({
  providers: [
    {
      provide: IdempotencyPruner,
      useFactory: (store?: IdempotencyStore) => new IdempotencyPruner(store),
      inject: [{ token: IdempotencyStore, optional: true }],
    },
  ],
})
export class IdempotencyModule {}
