import { type BeforeApplicationShutdown, Logger, Module, type OnApplicationBootstrap } from '@nestjs/common';
import { IdempotencyStore } from '@atlas/ports/adapters';
import { deletePages, pruningLoop } from '../pruning';

const PAGE = 5_000;

/** Deletes expired answers in the background. */
export class IdempotencyPruner implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly logger = new Logger(IdempotencyPruner.name);
  private readonly loop = pruningLoop(this.logger, 'delete expired idempotency keys', (signal) =>
    deletePages(PAGE, async (limit) => (await this.store?.prune(limit)) ?? 0, signal),
  );

  /** @param store without one, there is nothing to delete. */
  constructor(private readonly store?: IdempotencyStore) {}

  onApplicationBootstrap(): void {
    if (this.store) void this.loop.start();
  }

  beforeApplicationShutdown(): Promise<void> {
    return this.loop.stop();
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
