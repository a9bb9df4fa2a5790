import type { Clock } from '@atlas/ports/application';
import { FaultPlan } from '../../domain/fault-plan';
import type { ActiveFaults } from '../ports';

/** Turns all faults off. */
export class ClearFaults {
  constructor(
    private readonly faults: ActiveFaults,
    private readonly clock: Clock,
  ) {}

  execute(): void {
    this.faults.set(FaultPlan.none(this.clock.now()));
  }
}
