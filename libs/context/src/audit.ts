import type { z } from 'zod';

/** Something that must never be, found in the data. */
export interface Violation {
  /** The invariant's name, as the audit lists it. */
  readonly invariant: string;
  /** What breaks it: an event, or a thing of the business by its id. */
  readonly subject: string;
  /** What was found and what should have been, in a sentence. */
  readonly detail: string;
}

/** One invariant, checked over all the data. */
export interface Check {
  readonly invariant: string;
  /** How many things were checked. */
  readonly checked: number;
  readonly violations: readonly Violation[];
}

/** Collects the findings of one invariant. */
export class Checking {
  private readonly found: Violation[] = [];
  private count = 0;

  constructor(private readonly invariant: string) {}

  /** Counts one thing as checked; `detail` says what is wrong with it, if anything is. */
  look(subject: string, detail: string | undefined | false): void {
    this.count++;
    if (detail) this.found.push({ invariant: this.invariant, subject, detail });
  }

  get result(): Check {
    return { invariant: this.invariant, checked: this.count, violations: this.found };
  }
}

/** A database, for reading. A `Client` of pg is one. */
export interface Database {
  query<Row extends object>(sql: string, parameters?: unknown[]): Promise<{ rows: Row[] }>;
}

/** Something of a context that is still on its way, and that the report counts. */
export interface Pending {
  /** Its name in the report, such as `unreconciled`. */
  readonly name: string;
  readonly count: number;
  /** For people: what waits for what. */
  readonly sentence: string;
}

/** Facts about some of a context's own things, or all of them, for the audits of other contexts. */
export type Reading = (database: Database, ids?: readonly string[]) => Promise<readonly object[]>;

/** The platform as the audit of one context sees it. */
export interface Audited {
  /** The context's own. */
  readonly database: Database;
  /**
   * Reads facts that another context exports. Databases are read one after the other: what it sees may be later than
   * what was read before.
   * @param fact what the reader expects of each.
   * @param ids of the things to read; default: all.
   * @throws Error if there is no such context or reading, or a fact has another shape.
   */
  readonly read: <Fact>(
    context: string,
    reading: string,
    fact: z.ZodType<Fact>,
    ids?: readonly string[],
  ) => Promise<readonly Fact[]>;
  /**
   * True if anything is on its way between the contexts, or waits for an operator or for the outside. Then contexts may
   * disagree for a while.
   */
  readonly inFlight: boolean;
}

/**
 * What a context contributes to `atlas audit`: its business invariants. It is the export `audit` of
 * `apps/<context>/src/<context>.audit.ts`. An invariant across contexts belongs to the context that runs the process
 * that keeps it.
 */
export interface ContextAudit {
  /** What other contexts' audits may read, by name. */
  readonly readings?: Readonly<Record<string, Reading>>;
  /** True while something of it is undecided, so that others may disagree with it for good reason. */
  readonly isUndecided?: (database: Database) => Promise<boolean>;
  /** Checks its invariants. What looks wrong only for a moment is checked again by the caller. */
  readonly check: (audited: Audited) => Promise<{ checks: readonly Check[]; pending?: readonly Pending[] }>;
}
