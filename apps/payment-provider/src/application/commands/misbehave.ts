import type { Clock } from '@atlas/ports/application';
import { type FaultDocument, FaultPlan, type Operation, type Strike } from '../../domain/faults';

/** Holds the faults that are turned on: in this process alone, so a restart ends them. */
export class Misbehave {
  private current: FaultPlan;

  constructor(private readonly clock: Clock) {
    this.current = FaultPlan.none(clock.now());
  }

  get plan(): FaultPlan {
    return this.current;
  }

  /** Turns these on, from now, and all others off. */
  begin(document: FaultDocument): FaultPlan {
    this.current = new FaultPlan(document, this.clock.now());
    return this.current;
  }

  end(): void {
    this.current = FaultPlan.none(this.clock.now());
  }

  strike(operation: Operation): Strike {
    return this.current.strike(operation, this.clock.now());
  }
}
