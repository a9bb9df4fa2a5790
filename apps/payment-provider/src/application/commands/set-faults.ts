import type { Clock } from '@atlas/ports/application';
import { type FaultDocument, FaultPlan } from '../../domain/fault-plan';
import type { ActiveFaults } from '../ports';

/** Turns these faults on, from now, and all others off. */
export class SetFaults {
  constructor(
    private readonly faults: ActiveFaults,
    private readonly clock: Clock,
  ) {}

  execute(document: FaultDocument): FaultPlan {
    const plan = new FaultPlan(document, this.clock.now());
    this.faults.set(plan);
    return plan;
  }
}
