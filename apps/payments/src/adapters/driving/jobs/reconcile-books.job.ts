import { Injectable, Logger } from '@nestjs/common';
import { type Reconciliation, ReconcileBooks } from '../../../application/commands/reconcile-books';

@Injectable()
export class ReconcileBooksJob {
  private readonly logger = new Logger(ReconcileBooksJob.name);

  constructor(private readonly reconcileBooks: ReconcileBooks) {}

  /** An unavailable provider is no failure of ours: the policy for its reads logs it, and the next run reads on. */
  async execute(): Promise<void> {
    try {
      this.report(await this.reconcileBooks.execute());
    } catch (error) {
      this.logger.debug(`Can't read the provider's books at present: ${String(error)}`);
    }
  }

  private report({ settled, refunded }: Reconciliation): void {
    if (settled > 0) this.logger.log(`Settled ${settled} payments from the provider's books`);
    if (refunded > 0) this.logger.warn(`Refunded ${refunded} surplus charges`);
  }
}
