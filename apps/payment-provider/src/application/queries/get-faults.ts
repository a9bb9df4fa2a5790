import type { FaultPlan } from '../../domain/fault-plan';
import type { ActiveFaults } from '../ports';

/** The faults that are on, and how often each was injected. */
export class GetFaults {
  constructor(private readonly faults: ActiveFaults) {}

  execute(): FaultPlan {
    return this.faults.get();
  }
}
