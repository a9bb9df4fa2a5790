import { createHash } from 'node:crypto';
import { z } from 'zod';

/**
 * How far a relay has read. Every committed row is published if its id is at most `top` and its transaction is not in
 * `running`; of a transaction in `late`, if its id is at most `late.after`. See docs/adr/0003.
 */
export interface OutboxCursor {
  /** The highest id that was read; 0 before the first row. */
  readonly top: bigint;
  /** The transactions that had begun and not ended when `top` was read: they may hold ids up to `top`. */
  readonly running: readonly bigint[];
  /** Transactions of `running` that have ended since and have too many rows up to `top` for one page. */
  readonly late?: { readonly xids: readonly bigint[]; readonly after: bigint } | undefined;
  /** The number of the next transaction to begin then; `running` has none from there on. */
  readonly next: bigint;
  /** Where the rows were read. */
  readonly server?: ServerIdentity | undefined;
  /** Undefined before the first row. */
  readonly witness?: Witness | undefined;
}

/** Undefined parts can't be read on this server. */
export interface ServerIdentity {
  /** The number that PostgreSQL gives a data folder when it makes it; a copy keeps it. */
  readonly system?: string | undefined;
  /** Begins anew after each promotion and each recovery to an earlier time. */
  readonly timeline?: string | undefined;
}

/** What a database contains if it has everything that was published. */
export interface Witness {
  /** A row that the relay has committed to the database itself. */
  readonly mark?: { readonly id: string; readonly token: string } | undefined;
  /** Rows that were published since. */
  readonly ids: readonly bigint[];
  /** Of these rows: see {@link digestOf}. */
  readonly digest: bigint;
}

/** Before the first row. */
export const START: OutboxCursor = { top: 0n, running: [], next: 0n };

/** The transactions that may hold unpublished rows up to `top`, and the id that each is published up to. */
export const slowTransactions = ({
  running,
  late,
}: OutboxCursor): readonly { readonly xid: bigint; readonly after: bigint }[] => [
  ...running.map((xid) => ({ xid, after: 0n })),
  ...(late?.xids.map((xid) => ({ xid, after: late.after })) ?? []),
];

/** A number for a set of rows and their events; that of two disjoint sets is the {@link sum} of theirs. */
export function digestOf(rows: readonly { readonly id: string; readonly event_id: string }[]): bigint {
  return rows.reduce((digest, { id, event_id }) => {
    const hash = createHash('sha256').update(`${id} ${event_id}`).digest();
    return sum(digest, hash.readBigUInt64BE());
  }, 0n);
}

export const sum = (one: bigint, other: bigint): bigint => BigInt.asUintN(64, one + other);

/** The transactions that have begun at some moment, all below `next`, and those of them that have not ended. */
export interface BegunTransactions {
  readonly next: bigint;
  /** Ascending. */
  readonly running: readonly bigint[];
}

/**
 * @param snapshot a `pg_snapshot` as text, `xmin:xmax:running…`.
 * @param begun how many transactions have begun since its `xmin`, read after it: its `xmax` is only the number after the
 *   newest that has ended, and transactions beyond it may be running.
 * @throws Error if `snapshot` is not a pg_snapshot.
 */
export function begunTransactions(snapshot: string, begun: number): BegunTransactions {
  const match = /^(\d+):(\d+):((?:\d+(?:,\d+)*)?)$/.exec(snapshot);
  if (!match) throw new Error(`"${snapshot}" is not a pg_snapshot`);
  const [, xmin, xmax, listed] = match as unknown as [string, string, string, string];
  const next = BigInt(xmin) + BigInt(begun);
  const running = listed.split(',').filter(Boolean).map(BigInt);
  for (let xid = BigInt(xmax); xid < next; xid++) running.push(xid);
  return { next, running };
}

/**
 * The cursor after a page of the rows that wait behind `before`, in the order of their ids.
 * @param now when the page was read.
 * @param last the id of its last row; undefined if it is empty.
 * @param isCut whether rows were left.
 */
export function cursorAfter(
  before: OutboxCursor,
  now: BegunTransactions,
  last: bigint | undefined,
  isCut: boolean,
): OutboxCursor {
  const { top, late, running } = before;
  if (late) return { ...before, late: isCut && last !== undefined ? { ...late, after: last } : undefined };
  if (isCut && last !== undefined && last <= top) {
    const isRunning = (xid: bigint) => xid >= now.next || now.running.includes(xid);
    return {
      ...before,
      running: running.filter(isRunning),
      late: { xids: running.filter((xid) => !isRunning(xid)), after: last },
    };
  }
  return { ...before, top: last !== undefined && last > top ? last : top, ...now };
}

/** Ascending numbers as text: `3,7-9`. */
function formatNumbers(numbers: readonly bigint[]): string {
  const ranges: [bigint, bigint][] = [];
  for (const number of numbers) {
    const last = ranges.at(-1);
    if (last && number === last[1] + 1n) last[1] = number;
    else ranges.push([number, number]);
  }
  return ranges.map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`)).join();
}

function parseNumbers(text: string): bigint[] {
  return text
    .split(',')
    .filter(Boolean)
    .flatMap((range) => {
      const [from, to = from] = range.split('-').map(BigInt) as [bigint, bigint?];
      return Array.from({ length: Number(to - from) + 1 }, (_, index) => from + BigInt(index));
    });
}

const number = z.string().regex(/^\d+$/);
const numbers = z.string().regex(/^(\d+(-\d+)?(,\d+(-\d+)?)*)?$/);
const text = z.strictObject({
  top: number,
  running: numbers,
  late: z.strictObject({ xids: numbers, after: number }).optional(),
  next: number,
  server: z.strictObject({ system: number.optional(), timeline: z.string().optional() }).optional(),
  witness: z
    .strictObject({
      mark: z.strictObject({ id: number, token: z.string() }).optional(),
      ids: numbers,
      digest: number,
    })
    .optional(),
});

/** @throws Error if `cursor` was not produced by {@link formatCursor}. */
export function parseCursor(cursor: string | undefined): OutboxCursor {
  if (cursor === undefined) return START;
  const { top, running, late, next, server, witness } = understand(cursor);
  return {
    top: BigInt(top),
    running: parseNumbers(running),
    late: late && { xids: parseNumbers(late.xids), after: BigInt(late.after) },
    next: BigInt(next),
    server,
    witness: witness && {
      ...witness,
      ids: parseNumbers(witness.ids),
      digest: BigInt(witness.digest),
    },
  };
}

function understand(cursor: string): z.infer<typeof text> {
  try {
    return text.parse(JSON.parse(cursor));
  } catch (cause) {
    throw new Error(`${cursor} is not an outbox cursor`, { cause });
  }
}

export function formatCursor({ top, running, late, next, server, witness }: OutboxCursor): string {
  return JSON.stringify({
    top: String(top),
    running: formatNumbers(running),
    late: late && { xids: formatNumbers(late.xids), after: String(late.after) },
    next: String(next),
    server,
    witness: witness && { ...witness, ids: formatNumbers(witness.ids), digest: String(witness.digest) },
  } satisfies z.input<typeof text>);
}
