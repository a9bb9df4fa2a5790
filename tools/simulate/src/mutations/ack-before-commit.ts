import type { Consumer, Subscription } from '@atlas/ports/adapters';
import { SimulatedEventLog } from '../event-log';

/** A consumer that confirms records when it has received them: what it was handling when it fails is lost. */
export class AckBeforeCommit extends SimulatedEventLog {
  override subscribe(subscription: Subscription): Promise<Consumer> {
    return super.subscribe({
      ...subscription,
      handle: async (batch, signal) => {
        void subscription.handle(batch, signal).catch(() => undefined);
      },
    });
  }
}
