import { FixedClock } from '../fixed-clock';
import { SequentialIds } from '../sequential-ids';
import { MemoryOutbox } from './backbone';
import { MemoryDatabase } from './database';
import { MemoryUnitOfWork } from './unit-of-work';

/** What a context's in-memory repositories need, for use-case tests. */
export class MemoryContext {
  readonly clock = new FixedClock();
  readonly ids = new SequentialIds();
  readonly unitOfWork = new MemoryUnitOfWork(new MemoryDatabase());
  readonly outbox = new MemoryOutbox(this.unitOfWork, this.clock, this.ids);

  /** The published events of an aggregate, oldest first, each as type and version: `lending.book-lent 1`. */
  told(subject: string): string[] {
    return this.outbox
      .committed()
      .filter((event) => event.subject === subject)
      .map(({ type, aggregateVersion }) => `${type} ${aggregateVersion}`);
  }
}
