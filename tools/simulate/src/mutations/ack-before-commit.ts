import type { LogPartition, Positions } from '@atlas/ports/adapters';
import { MemoryPositions } from '@atlas/testing';
import type { SimulatedUnitOfWork } from '../database';

/** A consumer that moves its position before it has handled the records: what then fails is lost. */
export class AckBeforeCommit extends MemoryPositions {
  private readonly apart: SimulatedUnitOfWork;
  private readonly positions: Positions;

  constructor(unitOfWork: SimulatedUnitOfWork) {
    super(unitOfWork);
    this.apart = unitOfWork.apart();
    this.positions = new MemoryPositions(this.apart);
  }

  override move(consumer: string, place: LogPartition, from: number, to: number): Promise<void> {
    return this.apart.run(() => this.positions.move(consumer, place, from, to));
  }
}
