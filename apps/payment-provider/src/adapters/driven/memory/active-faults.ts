import type { Clock } from '@atlas/ports/application';
import { ActiveFaults } from '../../../application/ports';
import { FaultPlan } from '../../../domain/fault-plan';

/** why: in this process only, so a restart turns all faults off. */
export class MemoryActiveFaults extends ActiveFaults {
  private plan: FaultPlan;

  constructor(clock: Clock) {
    super();
    this.plan = FaultPlan.none(clock.now());
  }

  get(): FaultPlan {
    return this.plan;
  }

  set(plan: FaultPlan): void {
    this.plan = plan;
  }
}
