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

  /** Counts things that a query has checked and found as they must be. */
  passed(count: number): void {
    this.count += count;
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

/**
 * Facts of a context, for the audits of other contexts.
 * @param about what to read, such as ids; default: everything.
 */
export type Reading = (database: Database, about?: readonly string[]) => Promise<readonly object[]>;

/**
 * What a context's own records say of something that other contexts record, too, such as the units sold of each
 * article. The audit compares the reports of all contexts under one name, so that none has to know another.
 */
export interface Figure {
  /**
   * A query that yields `key` (text) and `value` (a whole number), one row for each key. A key without a row has the
   * value 0.
   */
  readonly sql: string;
  /** For a context that can only say what the value must be at least, or at most. Default: the value is exact. */
  readonly bound?: 'at least' | 'at most';
}

/** The platform as the audit of one context sees it. */
export interface Audited {
  /** The context's own. */
  readonly database: Database;
  /**
   * Reads facts that another context exports. Databases are read one after the other: what it sees may be later than
   * what was read before.
   * @param fact what the reader expects of each.
   * @param about what to read, as the reading defines it; default: everything.
   * @throws Error if there is no such context or reading, or a fact has another shape.
   */
  readonly read: <Fact>(
    context: string,
    reading: string,
    fact: z.ZodType<Fact>,
    about?: readonly string[],
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
  /** By a name that contexts have agreed on. Each needs another context that reports it, too. */
  readonly figures?: Readonly<Record<string, Figure>>;
  /** True while something of it is undecided, so that others may disagree with it for good reason. */
  readonly isUndecided?: (audited: Pick<Audited, 'database' | 'read'>) => Promise<boolean>;
  /** Checks its invariants. What looks wrong only for a moment is checked again by the caller. */
  readonly check: (audited: Audited) => Promise<{ checks: readonly Check[]; pending?: readonly Pending[] }>;
}
