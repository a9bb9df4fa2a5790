/** Something that must never be, found in the data. */
export interface Violation {
  /** The invariant's name, as the audit lists it. */
  readonly invariant: string;
  /** What breaks it: an order, a SKU, an event. */
  readonly subject: string;
  /** What was found and what should have been, in a sentence. */
  readonly detail: string;
}

/** One invariant, checked over all the data. */
export interface Check {
  readonly invariant: string;
  /** How many things were looked at. */
  readonly checked: number;
  readonly violations: readonly Violation[];
}

/** Collects the findings of one invariant. */
export class Checking {
  private readonly found: Violation[] = [];
  private count = 0;

  constructor(private readonly invariant: string) {}

  /** One thing looked at; `detail` tells what is wrong with it, if anything is. */
  look(subject: string, detail: string | undefined | false): void {
    this.count++;
    if (detail) this.found.push({ invariant: this.invariant, subject, detail });
  }

  get result(): Check {
    return { invariant: this.invariant, checked: this.count, violations: this.found };
  }
}
