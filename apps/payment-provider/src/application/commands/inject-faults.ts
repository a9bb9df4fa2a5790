import type { Clock } from '@atlas/ports/application';
import type { Operation, RequestFaults } from '../../domain/fault-plan';
import type { ActiveFaults } from '../ports';

/** Decides which faults the next request gets, and counts them. */
export class InjectFaults {
  constructor(
    private readonly faults: ActiveFaults,
    private readonly clock: Clock,
  ) {}

  execute(operation: Operation): RequestFaults {
    return this.faults.get().next(operation, this.clock.now());
  }
}
