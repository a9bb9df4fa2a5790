import type {
  Access,
  Aggregate,
  ContextModel,
  Driver,
  Part,
  Policy,
  Port,
  Source,
  Table,
  Transition,
  UseCase,
  Why,
} from './model/model';
import { ROOMS, SUITE_KINDS } from './model/model';
import { mainAggregateOf } from './words';

/** What a comparison says of one thing of a context: a part of its model, or a summary of several. */
export interface Cell extends Omit<Part, 'source'> {
  readonly source?: Source;
}

/** One thing of a context, to be set beside the same of another. */
export interface Entry extends Cell {
  /** Equal for the same thing of two contexts. Default: the name, without what the context calls itself. */
  readonly key?: string;
  /** Lines by what they tell; the same lines mean the same. */
  readonly aspects: Readonly<Record<string, readonly string[]>>;
}

export interface SectionOf {
  readonly id:
    | 'aggregates'
    | 'transactions'
    | 'ports'
    | 'events-out'
    | 'events-in'
    | 'commands'
    | 'queries'
    | 'routes'
    | 'failure'
    | 'tables'
    | 'ideas'
    | 'size';
  readonly title: string;
  readonly says: string;
  readonly entries: (model: ContextModel) => readonly Entry[];
}

/** The most important first. */
export const SECTIONS: readonly SectionOf[] = [
  {
    id: 'aggregates',
    title: 'Aggregates',
    says: 'What the business is about: its states, who moves it between them, and what it refuses.',
    entries: (model) => [
      ...model.aggregates.map((each) => aggregateEntry(each, mainAggregateOf(model))),
      ...auditEntry(model),
    ],
  },
  {
    id: 'transactions',
    title: 'Isolation and locking',
    says: 'What keeps concurrent changes apart.',
    entries: transactionEntries,
  },
  {
    id: 'commands',
    title: 'Commands',
    says: 'What changes something.',
    entries: ({ commands }) => commands.map((each) => ({ ...cellOf(each), aspects: useCaseAspects(each) })),
  },
  {
    id: 'queries',
    title: 'Queries',
    says: 'What only reads, and what the answer may be relied on for.',
    entries: ({ queries }) =>
      queries.map((each) => ({
        ...cellOf(each),
        aspects: { consistency: [each.consistency.text], ...useCaseAspects(each) },
      })),
  },
  {
    id: 'events-in',
    title: 'Events in',
    says: 'What it hears from other contexts.',
    entries: ({ eventsIn }) =>
      eventsIn.map((each) => ({
        ...cellOf(each),
        name: `${each.type} v${each.version}`,
        key: each.type,
        aspects: { starts: each.runs },
      })),
  },
  {
    id: 'events-out',
    title: 'Events out',
    says: 'What it tells other contexts.',
    entries: ({ eventsOut }) =>
      eventsOut.map((each) => ({
        ...cellOf(each),
        name: `${each.type} v${each.version}`,
        aspects: {
          data: each.fields,
          'heard by': each.consumers.length > 0 ? each.consumers : ['nobody'],
          ...(!each.isPublished && { published: ['never: no adapter translates to it'] }),
        },
      })),
  },
  {
    id: 'ports',
    title: 'Ports and adapters',
    says: 'What it needs from outside, what serves it, and the suite that every adapter passes.',
    entries: (model) => [...model.ports.map(portEntry), platformPorts(model)],
  },
  {
    id: 'routes',
    title: 'HTTP',
    says: 'What it answers.',
    entries: ({ routes }) =>
      routes.map((each) => ({
        ...cellOf(each),
        aspects: {
          runs: each.runs,
          // Whatever does not create or act may be repeated anyway.
          ...(each.method === 'POST' && {
            'safe to repeat': [each.idempotent ? 'with an Idempotency-Key' : 'no'],
          }),
        },
      })),
  },
  {
    id: 'failure',
    title: 'Failure and time',
    says: 'What protects calls to the outside, what runs by itself, and what can be set.',
    entries: (model) => [
      ...model.policies.map(policyEntry),
      ...model.jobs.map((each) => ({
        ...cellOf(each),
        aspects: { every: [durationOf(each.everyMs)], runs: each.runs },
      })),
      ...model.settings.map((each) => ({ ...cellOf(each), aspects: { default: [each.fallback ?? 'none'] } })),
    ],
  },
  {
    id: 'tables',
    title: 'Tables and indexes',
    says: 'How its state is stored.',
    entries: ({ tables }) => tables.map(tableEntry),
  },
  {
    id: 'ideas',
    title: 'Ideas of the book',
    says: 'Which ideas of "Designing Data-Intensive Applications" its code shows, with their chapters in the first and second edition.',
    entries: ({ ideas }) =>
      ideas.map(({ id, title, chapters: [first, second], evidence }) => ({
        name: title,
        key: id,
        ...(evidence[0] && { source: evidence[0].source }),
        aspects: { chapter: [`${first}, 2nd ed. ${second}`] },
      })),
  },
  {
    id: 'size',
    title: 'Size and tests',
    says: 'Lines of code by room, and test cases as they are written.',
    entries: ({ size, tests, source }): readonly Entry[] => [
      {
        name: 'lines',
        source,
        aspects: {
          code: [...ROOMS.map((room) => `${room} ${size.rooms[room]}`), `all ${size.total}`],
          tests: [String(tests.lines)],
        },
      },
      {
        name: 'test cases',
        source,
        aspects: { suites: SUITE_KINDS.map((kind) => `${kind} ${tests.kinds[kind].cases}`) },
      },
    ],
  },
];

export const cellOf = ({ name, says, why, source }: Cell): Cell => ({
  name,
  ...(says !== undefined && { says }),
  ...(why && { why }),
  ...(source && { source }),
});

function aggregateEntry(aggregate: Aggregate, main: string | undefined): Entry {
  const { states, transitions, operations, invariants } = aggregate;
  const hasLife = states.length > 0;
  return {
    ...cellOf(aggregate),
    ...(aggregate.name === main && { key: 'main' }),
    aspects: hasLife
      ? {
          states: states.map(
            ({ name, isStart, isEnd }) => `${name}${isStart ? ' (new)' : isEnd ? ' (end)' : ''}`,
          ),
          transitions: transitionLines(transitions),
          refuses: invariants.map(({ name }) => name),
        }
      : {
          changes: operations.map(({ name, says }) => (says === undefined ? name : `${name}: ${says}`)),
          refuses: invariants.map(({ name }) => name),
        },
  };
}

function auditEntry({ audited }: ContextModel): readonly Entry[] {
  const [first] = audited;
  return first
    ? [
        {
          ...cellOf(first),
          name: 'what its audit checks',
          aspects: { checks: audited.map(({ name }) => name) },
        },
      ]
    : [];
}

/** `lent, extended → lost: expire, tells book-lost`. Changes within a state come last. */
function transitionLines(transitions: readonly Transition[]): readonly string[] {
  const tail = ({ by, events }: Transition) =>
    `${by}${events.length > 0 ? `, tells ${events.join(' and ')}` : ''}`;
  const isLoop = ({ from, to }: Transition) => from === to;
  const joined = (chosen: readonly Transition[], key: (each: Transition) => string) =>
    [...Map.groupBy(chosen, key).values()].map((group) => ({
      from: [...new Set(group.map(({ from }) => from ?? 'new'))].join(', '),
      to: group[0]?.to ?? '',
      tails: [...new Set(group.map(tail))],
    }));
  return [
    ...joined(
      transitions.filter((each) => !isLoop(each)),
      (each) => `${each.from === undefined} ${each.to} ${tail(each)}`,
    ).map(({ from, to, tails }) => `${from} → ${to}: ${tails.join()}`),
    ...joined(transitions.filter(isLoop), ({ to }) => to).map(
      ({ to, tails }) => `stays ${to}: ${tails.join(', ')}`,
    ),
  ];
}

function transactionEntries({ transactions }: ContextModel): readonly Entry[] {
  const { isolation, isolationSource, access } = transactions;
  const skipping = (lock: string) => lock.includes('SKIP LOCKED');
  const locked = access.flatMap((each) => each.locks.map((lock) => ({ lock, each })));
  return [
    {
      name: 'isolation level',
      ...(isolationSource && { source: isolationSource }),
      aspects: { level: [isolation ?? 'each statement commits by itself'] },
    },
    ...accessEntry(
      'locks what it changes',
      locked.filter(({ lock }) => !skipping(lock)),
    ),
    ...accessEntry(
      'skips what others hold',
      locked.filter(({ lock }) => skipping(lock)),
    ),
    ...accessEntry(
      'takes turns',
      access.flatMap((each) => each.turns.map((turn) => ({ lock: `"${turn.name}"`, each, part: turn }))),
    ),
    ...accessEntry(
      'writes without a lock',
      access
        .filter(({ writes, locks }) => writes === 'changes' && locks.length === 0)
        .map((each) => ({ lock: each.inTransaction ? 'in one transaction' : 'in one statement', each })),
    ),
    ...accessEntry(
      'calls outside, in no transaction',
      access
        .filter(({ inTransaction }) => !inTransaction)
        .flatMap((each) => each.calls.map((call) => ({ lock: call, each }))),
    ),
  ];
}

/** The methods of ports by what they take: `FOR UPDATE loan: LoanRepository.update`. */
function accessEntry(
  name: string,
  found: readonly { readonly lock: string; readonly each: Access; readonly part?: Part }[],
): readonly Entry[] {
  const [first] = found;
  if (!first) return [];
  const reasoned = found.map(({ part, each }) => part ?? each).find(({ why }) => why);
  const byLock = Map.groupBy(found, ({ lock }) => lock);
  return [
    {
      name,
      ...(reasoned?.why && { why: reasoned.why }),
      source: (reasoned ?? first.each).source,
      aspects: {
        '': [...byLock].map(([lock, methods]) => {
          const byPort = Map.groupBy(methods, ({ each }) => each.port);
          const names = [...byPort].map(
            ([port, own]) => `${port}.${own.map(({ each }) => each.name).join(', ')}`,
          );
          return `${lock}: ${names.join('; ')}`;
        }),
      },
    },
  ];
}

const useCaseAspects = ({ drivers, changes, ports, refuses }: UseCase): Entry['aspects'] => ({
  'started by': drivers.length > 0 ? drivers.map(driverLine) : ['nothing'],
  calls: changes,
  needs: ports,
  refuses,
});

const driverLine = (driver: Driver): string => {
  switch (driver.kind) {
    case 'http':
      return `${driver.method} ${driver.path}`;
    case 'event':
      return driver.type;
    case 'job':
      return `job ${driver.name}`;
  }
};

const portEntry = (port: Port): Entry => ({
  ...cellOf(port),
  ...(port.why === undefined && whyOfServed(port)),
  aspects: {
    methods: port.methods,
    served: port.adapters
      .filter(({ isServed }) => isServed)
      .map(({ name, technology }) => `${name} (${technology})`),
    'in tests': port.adapters
      .filter(({ isServed }) => !isServed)
      .map(({ name, technology }) => `${name} (${technology})`),
    suite: port.suite ? [`${port.suite.cases} cases, ${port.suite.against.join(' and ')}`] : ['none'],
  },
});

function whyOfServed({ adapters }: Port): { why?: Why } {
  const why = adapters.find((each) => each.why)?.why;
  return why ? { why } : {};
}

/** What it uses of the platform's own ports. */
function platformPorts({ ports, commands, queries, source }: ContextModel): Entry {
  const own = new Set(ports.map(({ name }) => name));
  const used = [...commands, ...queries].flatMap((each) => each.ports.filter((port) => !own.has(port)));
  return { name: "the platform's ports", source, aspects: { uses: [...new Set(used)].sort() } };
}

/** The settings in the order of the policy's parts, from the outside in. */
function policyEntry(policy: Policy): Entry {
  const parts = new Map<string, string[]>();
  for (const [setting, value] of Object.entries(policy.settings)) {
    const [part = '', name = ''] = setting.split('.');
    const isOwn = policy.declared.includes(setting);
    parts.set(part, [...(parts.get(part) ?? []), `${name} ${value}${isOwn ? '' : ' (default)'}`]);
  }
  return { ...cellOf(policy), key: `policy ${policy.name}`, aspects: Object.fromEntries(parts) };
}

function tableEntry(table: Table): Entry {
  const { columns, primaryKey, checks, uniques, references, indexes, triggers, options } = table;
  const reasoned = [...indexes, ...triggers].find(({ why }) => why)?.why;
  return {
    ...cellOf(table),
    ...(!table.why && reasoned && { why: reasoned }),
    aspects: {
      columns: columns.map(({ name, type, nullable }) => `${name} ${type}${nullable ? ', may be null' : ''}`),
      key: [primaryKey.join(', ')],
      unique: uniques.map((each) => each.join(', ')),
      references: references.map(({ columns: from, table: to }) => `${from.join(', ')} → ${to}`),
      checks: [...checks],
      indexes: indexes.map(
        ({ name, columns: on, unique, where }) =>
          `${name}: ${unique ? 'unique ' : ''}${on.join(', ')}${where === undefined ? '' : ` where ${where}`}`,
      ),
      triggers: triggers.map(({ name }) => name),
      storage: [...options],
    },
  };
}

export function durationOf(ms: number | undefined): string {
  if (ms === undefined) return 'unknown';
  if (ms < 1_000) return `${ms} ms`;
  return ms < 60_000 ? `${ms / 1_000} s` : `${ms / 60_000} min`;
}
