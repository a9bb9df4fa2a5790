import { Clock } from '@atlas/ports/application';

/** A clock that stands still until it is advanced. */
export class FixedClock extends Clock {
  constructor(private time = new Date('2026-01-01T12:00:00.000Z')) {
    super();
  }

  now(): Date {
    return new Date(this.time);
  }

  /** @param forMs milliseconds. */
  advance(forMs: number): void {
    this.time = new Date(this.time.getTime() + forMs);
  }
}
