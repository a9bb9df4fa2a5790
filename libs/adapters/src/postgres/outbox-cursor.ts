/**
 * The transactions that had ended when a reader looked: all below `next` except those in `running`. Equivalent to
 * PostgreSQL's `pg_snapshot`, whose text form is `xmin:xmax:xip,xip…`.
 */
export interface SeenTransactions {
  readonly next: bigint;
  readonly running: readonly bigint[];
}

/**
 * How far a relay has read: all rows of transactions in `seen` and, while a window is open, the window's rows up to the
 * id `after`.
 */
export interface OutboxCursor {
  readonly seen: SeenTransactions;
  readonly window?: { readonly upTo: SeenTransactions; readonly after: string } | undefined;
}

/** Before the first transaction. */
export const START: OutboxCursor = { seen: { next: 1n, running: [] } };

/** @throws Error if `text` is not a pg_snapshot. */
export function parseSnapshot(text: string): SeenTransactions {
  const match = /^\d+:(\d+):((?:\d+(?:,\d+)*)?)$/.exec(text);
  if (!match) throw new Error(`"${text}" is not a pg_snapshot`);
  return {
    next: BigInt(match[1] as string),
    running: (match[2] as string).split(',').filter(Boolean).map(BigInt),
  };
}

export const formatSnapshot = ({ next, running }: SeenTransactions): string =>
  `${running[0] ?? next}:${next}:${running.join(',')}`;

/**
 * The part of `now` that survives a crash of the server. After a crash, the server reuses the ids of transactions whose
 * WAL was not flushed, even if a snapshot showed them as finished; a row that a later transaction commits under such an
 * id must not count as seen. Ids up to `newest`, the newest committed transaction with a row, are never reused, because
 * its commit record is on disk.
 */
export function durablePart(
  now: SeenTransactions,
  newest: bigint | undefined,
  before: SeenTransactions,
): SeenTransactions {
  const next = newest !== undefined && newest >= before.next ? newest + 1n : before.next;
  return { next, running: now.running.filter((xid) => xid < next) };
}

/** @throws Error if `text` was not produced by {@link formatCursor}. */
export function parseCursor(text: string | undefined): OutboxCursor {
  if (text === undefined) return START;
  const [seen, upTo, after, ...rest] = text.split(' ');
  if (!seen || (upTo !== undefined && !/^\d+$/.test(after ?? '')) || rest.length > 0) {
    throw new Error(`"${text}" is not an outbox cursor`);
  }
  return {
    seen: parseSnapshot(seen),
    window: upTo === undefined ? undefined : { upTo: parseSnapshot(upTo), after: after as string },
  };
}

export const formatCursor = ({ seen, window }: OutboxCursor): string =>
  window ? `${formatSnapshot(seen)} ${formatSnapshot(window.upTo)} ${window.after}` : formatSnapshot(seen);
