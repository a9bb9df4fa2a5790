import type { ContextModel, Idea, Part, Source } from './model';

type Evidence = Idea['evidence'];
type Facts = Omit<ContextModel, 'ideas'>;

interface Rule {
  readonly id: string;
  readonly title: string;
  readonly chapters: Idea['chapters'];
  /** Where a context shows it; empty: it doesn't. */
  readonly find: (model: Facts) => Evidence;
}

const at = (text: string, source: Source) => ({ text, source });
const named = (parts: readonly Part[]): Evidence => parts.map(({ name, source }) => at(name, source));

/**
 * The ideas of "Designing Data-Intensive Applications" that a context can show, each found by what the code does. Chapters
 * are those of the first and of the second edition.
 */
const RULES: readonly Rule[] = [
  {
    id: 'timeouts-and-breakers',
    title: 'Calls that may fail: timeouts, retries, circuit breakers',
    chapters: [8, 9],
    find: ({ policies }) => named(policies),
  },
  {
    id: 'leases',
    title: 'Leases: a claim on work ends by itself',
    chapters: [8, 9],
    find: ({ aggregates }) =>
      aggregates.flatMap(({ name, operations }) =>
        operations.filter((each) => each.name === 'claim').map(({ source }) => at(`${name}.claim`, source)),
      ),
  },
  {
    id: 'documents',
    title: 'Documents inside the relational model',
    chapters: [2, 3],
    find: ({ tables }) =>
      tables.flatMap(({ name, columns, source }) =>
        columns.filter(({ type }) => type === 'jsonb').map((column) => at(`${name}.${column.name}`, source)),
      ),
  },
  {
    id: 'indexes-of-what-is-open',
    title: 'Partial indexes: only what is still open',
    chapters: [3, 4],
    find: ({ tables }) =>
      tables.flatMap(({ indexes }) => named(indexes.filter(({ where }) => where !== undefined))),
  },
  {
    id: 'storage-for-hot-rows',
    title: 'Storage laid out for hot rows',
    chapters: [3, 4],
    find: ({ tables }) =>
      tables.flatMap(({ name, options, source }) =>
        options.map((option) => at(`${name}: ${option}`, source)),
      ),
  },
  {
    id: 'schema-evolution',
    title: 'Event schemas that evolve',
    chapters: [4, 5],
    find: ({ eventsOut }) => eventsOut.map(({ type, version, source }) => at(`${type} v${version}`, source)),
  },
  {
    id: 'replicas-and-caches',
    title: 'Reads from a replica or a cache',
    chapters: [5, 6],
    find: ({ ports }) =>
      ports.flatMap(({ adapters }) =>
        named(adapters.filter(({ isServed, name }) => isServed && /Replica|Cache/.test(name))),
      ),
  },
  {
    id: 'partitioned-by-key',
    title: 'Events partitioned by aggregate, in order within one',
    chapters: [6, 7],
    find: ({ eventsOut }) => {
      const [first] = eventsOut;
      return first
        ? [at([...new Set(eventsOut.map(({ aggregate }) => aggregate))].join(', '), first.source)]
        : [];
    },
  },
  {
    id: 'no-lost-updates',
    title: 'Lost updates prevented by row locks',
    chapters: [7, 8],
    find: ({ transactions }) =>
      transactions.access
        .filter(
          ({ locks, writes }) =>
            writes !== 'nothing' && locks.some((lock) => /^FOR UPDATE(?! SKIP)/.test(lock)),
        )
        .map(({ port, name, source }) => at(`${port}.${name}`, source)),
  },
  {
    id: 'serial-execution',
    title: 'Serial execution of what is contended',
    chapters: [7, 8],
    find: ({ transactions }) =>
      transactions.access
        .filter(({ turns }) => turns.length > 0)
        .map(({ port, name, turns, source }) =>
          at(`${port}.${name}: turn "${turns.map((turn) => turn.name).join()}"`, source),
        ),
  },
  {
    id: 'work-is-shared',
    title: 'Replicas share due work: locked rows are skipped',
    chapters: [7, 8],
    find: ({ transactions }) =>
      transactions.access
        .filter(({ locks }) => locks.some((lock) => lock.includes('SKIP LOCKED')))
        .map(({ port, name, source }) => at(`${port}.${name}`, source)),
  },
  {
    id: 'constraints',
    title: 'Invariants kept by the database',
    chapters: [7, 8],
    find: ({ tables }) =>
      tables
        .filter(({ checks, uniques, triggers }) => checks.length + uniques.length + triggers.length > 0)
        .map(({ name, checks, uniques, triggers, source }) =>
          at(`${name}: ${checks.length + uniques.length + triggers.length}`, source),
        ),
  },
  {
    id: 'append-only',
    title: 'Append-only history',
    chapters: [11, 12],
    find: ({ tables }) =>
      tables.flatMap(({ triggers }) => named(triggers.filter(({ name }) => /append_only/.test(name)))),
  },
  {
    id: 'outbox',
    title: 'A change and its events are one commit',
    chapters: [11, 12],
    find: ({ eventsOut }) =>
      eventsOut.filter(({ isPublished }) => isPublished).map(({ type, source }) => at(type, source)),
  },
  {
    id: 'exactly-once',
    title: 'Each event takes effect once, however often it comes',
    chapters: [11, 12],
    find: ({ eventsIn }) => named(eventsIn),
  },
  {
    id: 'idempotent-requests',
    title: 'Requests that may be repeated: idempotency keys',
    chapters: [12, 13],
    find: ({ routes }) => named(routes.filter(({ idempotent }) => idempotent)),
  },
  {
    id: 'audits',
    title: 'Trust, but verify: audits of the data',
    chapters: [12, 13],
    find: ({ audited }) => named(audited),
  },
];

export const ideasOf = (model: Facts): readonly Idea[] =>
  RULES.flatMap(({ find, ...idea }) => {
    const evidence = find(model);
    return evidence.length > 0 ? [{ ...idea, evidence }] : [];
  });
