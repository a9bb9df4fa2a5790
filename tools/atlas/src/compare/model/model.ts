/** Where something stands: lines of a file of the workspace, from 1, both included. */
export interface Source {
  /** Relative to the workspace's folder, with slashes. */
  readonly file: string;
  readonly line: number;
  readonly endLine: number;
}

/** Why something is as it is: the text after `why:` in the comment next to it. */
export interface Why {
  readonly text: string;
  /** The decision records that the text names, as in "ADR 9". */
  readonly adrs: readonly Adr[];
}

export interface Adr {
  readonly number: number;
  readonly title: string;
  readonly file: string;
}

/** What all parts of a model have. */
export interface Part {
  readonly name: string;
  /** The first sentence of its comment. */
  readonly says?: string;
  readonly why?: Why;
  readonly source: Source;
}

/** One context as its own code describes it. Lists are in the order of the code unless they say otherwise. */
export interface ContextModel {
  readonly name: string;
  readonly title: string;
  readonly kind: 'context' | 'relay' | 'outside';
  readonly description: string;
  readonly source: Source;
  /** Its process and its relay. */
  readonly processes: readonly { readonly name: string; readonly port: number }[];
  readonly database?: string;
  readonly stores: readonly string[];
  /** The topic that it publishes to, and those that it consumes. */
  readonly topics: { readonly publishes?: string; readonly consumes: readonly string[] };
  /** The processes whose URLs it gets: it calls them. */
  readonly callsOutside: readonly string[];
  readonly aggregates: readonly Aggregate[];
  /** What its audit checks in the data of a running platform. */
  readonly audited: readonly Part[];
  readonly commands: readonly UseCase[];
  readonly queries: readonly Query[];
  readonly routes: readonly Route[];
  readonly jobs: readonly Job[];
  readonly eventsIn: readonly EventIn[];
  readonly eventsOut: readonly EventOut[];
  readonly ports: readonly Port[];
  readonly transactions: Transactions;
  /** Its own tables, without those that every context gets from the platform. */
  readonly tables: readonly Table[];
  /** One for each outside dependency. */
  readonly policies: readonly Policy[];
  readonly settings: readonly Setting[];
  readonly ideas: readonly Idea[];
  readonly size: Size;
  readonly tests: Tests;
}

/** A class of the domain that changes as a whole and tells what happened. */
export interface Aggregate extends Part {
  /** Empty for one without a life cycle. */
  readonly states: readonly State[];
  readonly transitions: readonly Transition[];
  /** Methods that change it; for one without states this is all there is to tell. */
  readonly operations: readonly Part[];
  /** What its class, and the value objects in it, refuse. */
  readonly invariants: readonly Part[];
}

export interface State {
  readonly name: string;
  /** A new aggregate can be in it. */
  readonly isStart: boolean;
  /** No transition leaves it. */
  readonly isEnd: boolean;
}

export interface Transition {
  /** Undefined: the aggregate is new. */
  readonly from: string | undefined;
  readonly to: string;
  /** The method. */
  readonly by: string;
  /** The types of the domain events that it causes. */
  readonly events: readonly string[];
  readonly source: Source;
}

export interface UseCase extends Part {
  /** Constructor parameters that are ports: this context's own and the platform's. */
  readonly ports: readonly string[];
  /** What calls it. */
  readonly drivers: readonly Driver[];
  /** The methods of aggregates that it calls, as `Order.cancel`. */
  readonly changes: readonly string[];
  /** Errors that it returns or throws, by their types. */
  readonly refuses: readonly string[];
}

export type Driver =
  | { readonly kind: 'http'; readonly method: string; readonly path: string; readonly idempotent: boolean }
  | { readonly kind: 'event'; readonly type: string }
  | { readonly kind: 'job'; readonly name: string };

export interface Query extends UseCase {
  readonly consistency: Consistency;
}

/** What a query's answer may be relied on for. */
export interface Consistency {
  /** Where it reads: `postgres`, `memory`, an outside dependency …, as the adapters' folders are named. */
  readonly stores: readonly string[];
  /** How many statements it needs; each sees its own snapshot unless they share a transaction. */
  readonly statements: number;
  readonly inTransaction: boolean;
  /** In words. */
  readonly text: string;
}

export interface Route extends Part {
  readonly method: string;
  readonly path: string;
  /** It takes an Idempotency-Key. */
  readonly idempotent: boolean;
  /** The use cases that it calls. */
  readonly runs: readonly string[];
}

export interface Job extends Part {
  readonly everyMs: number | undefined;
  /** Its use cases, in the order in which they run. */
  readonly runs: readonly string[];
}

export interface EventOut extends Part {
  /** CloudEvents type, as `lending.book-lent`. */
  readonly type: string;
  readonly version: number;
  readonly aggregate: string;
  /** The fields of its data. */
  readonly fields: readonly string[];
  /** The contexts that handle it. */
  readonly consumers: readonly string[];
  /** An adapter of the context translates something to it. */
  readonly isPublished: boolean;
}

export interface EventIn extends Part {
  readonly type: string;
  readonly version: number;
  readonly producer: string;
  /** The use cases that it starts. */
  readonly runs: readonly string[];
}

export interface Port extends Part {
  /** Signatures' names, in order. */
  readonly methods: readonly string[];
  readonly adapters: readonly Adapter[];
  /** The contract suite that its adapters must pass. */
  readonly suite?: Suite;
}

export interface Adapter extends Part {
  /** The folder of the adapter, as `postgres` or `memory`. */
  readonly technology: string;
  /** The module chose it: it serves in production. All others serve tests. */
  readonly isServed: boolean;
}

export interface Suite {
  readonly file: string;
  readonly cases: number;
  /** What it runs against, in its own words. */
  readonly against: readonly string[];
}

export interface Transactions {
  /** As PostgreSQL names it; undefined: it opens no transactions of several statements. */
  readonly isolation?: string;
  readonly isolationSource?: Source;
  /** One for each method of a served port. */
  readonly access: readonly Access[];
}

/** How one method of a port gets at its data. */
export interface Access extends Part {
  readonly port: string;
  /** Everything it does is one transaction. */
  readonly inTransaction: boolean;
  /** As `FOR UPDATE order`, in the order taken. */
  readonly locks: readonly string[];
  /** The locks across processes that serialize its transactions; named and explained where they are declared. */
  readonly turns: readonly Part[];
  /** Statements that only read. */
  readonly reads: number;
  /** `inserts`: new rows only, which nobody else can change at the same time. */
  readonly writes: 'nothing' | 'inserts' | 'changes';
  /** The outside dependencies that it calls. */
  readonly calls: readonly string[];
}

export interface Table extends Part {
  readonly columns: readonly Column[];
  readonly primaryKey: readonly string[];
  /** In SQL, without their names. */
  readonly checks: readonly string[];
  readonly uniques: readonly (readonly string[])[];
  readonly references: readonly { readonly columns: readonly string[]; readonly table: string }[];
  readonly indexes: readonly Index[];
  readonly triggers: readonly Part[];
  /** Storage parameters, as `fillfactor=50`. */
  readonly options: readonly string[];
}

export interface Column {
  readonly name: string;
  /** As PostgreSQL's catalogue names it. */
  readonly type: string;
  readonly nullable: boolean;
}

export interface Index extends Part {
  readonly columns: readonly string[];
  readonly unique: boolean;
  /** The predicate of a partial index. */
  readonly where?: string;
}

export interface Policy extends Part {
  /** Every effective setting, as `deadline.ms` → `4000`; a part that is off has only `enabled`. */
  readonly settings: Readonly<Record<string, string>>;
  /** Those that the context declares; all others are defaults. */
  readonly declared: readonly string[];
}

export interface Setting extends Part {
  readonly fallback: string | undefined;
}

/** An idea of the book that the context's code shows. */
export interface Idea {
  readonly id: string;
  readonly title: string;
  /** Chapter in the first and in the second edition. */
  readonly chapters: readonly [first: number, second: number];
  /** Where the code shows it. */
  readonly evidence: readonly { readonly text: string; readonly source: Source }[];
}

/** Lines of TypeScript, tests apart. */
export interface Size {
  readonly rooms: Readonly<Record<Room, number>>;
  readonly total: number;
}

export const ROOMS = ['domain', 'application', 'driving', 'driven', 'root'] as const;
/** `root`: the files directly in `src`, such as the module. */
export type Room = (typeof ROOMS)[number];

export const SUITE_KINDS = ['unit', 'contract', 'context', 'docker'] as const;
/**
 * `unit`: beside the code. `contract`: run against every adapter. `context`: the whole context on its real database.
 * `docker`: needs containers.
 */
export type SuiteKind = (typeof SUITE_KINDS)[number];

export interface Tests {
  /** Cases as they are written: one that runs on a table of data, or against several adapters, counts once. */
  readonly kinds: Readonly<Record<SuiteKind, { readonly suites: number; readonly cases: number }>>;
  readonly lines: number;
}
