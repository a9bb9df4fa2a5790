import { setTimeout } from 'node:timers/promises';
import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { type Reconciled, ReconcileBooks } from '../../../application/commands/reconcile-books';

/**
 * Reads on in the provider's books, again and again. In each replica: what two of them read at once takes effect once,
 * and asking costs next to nothing.
 */
@Injectable()
export class ReconcileBooksJob implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger(ReconcileBooksJob.name);
  private readonly stopping = new AbortController();
  private running: Promise<void> = Promise.resolve();

  /** @param everyMs milliseconds from the end of one look to the next one. */
  constructor(
    private readonly reconcileBooks: ReconcileBooks,
    private readonly everyMs: number,
  ) {}

  onApplicationBootstrap(): void {
    this.running = this.run();
  }

  async onModuleDestroy(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }

  private async run(): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      await this.look();
      await setTimeout(this.everyMs, undefined, { signal }).catch(() => {});
    }
  }

  private async look(): Promise<void> {
    try {
      this.tell(await this.reconcileBooks.execute());
    } catch (error) {
      this.logger.debug(`The provider's books can't be read at present: ${String(error)}`);
    }
  }

  private tell({ settled, givenBack }: Reconciled): void {
    if (settled > 0) {
      this.logger.log(`The provider's books told ${settled} payments what their workers had not yet`);
    }
    if (givenBack > 0) this.logger.warn(`Gave ${givenBack} charges back that were one too many`);
  }
}
