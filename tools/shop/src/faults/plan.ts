import { fraction } from '../digest';

/** What a fault does, and how it is drawn. */
interface KindOfFault {
  readonly about: string;
  /** Where it can strike. */
  readonly targets: (topology: Topology) => readonly string[];
  /** How often it is drawn, compared to the others. */
  readonly weight: number;
  /** From and up to, milliseconds; both 0 for what happens in a moment. */
  readonly lasts: readonly [number, number];
  /** It is meant for a platform where nothing else is wrong. */
  readonly alone?: true;
}

/** What there is to strike, the same on both stacks but for the engines. */
export interface Topology {
  /** Services, relays and those outside. */
  readonly processes: readonly string[];
  /** PostgreSQL and, on the docker stack, Kafka. */
  readonly engines: readonly string[];
  /** The contexts, each with a service, a database and a topic. */
  readonly contexts: readonly string[];
  /** Who has a database role. */
  readonly owners: readonly string[];
  /** Who talks to whom, as `from→to`. */
  readonly links: readonly string[];
}

const everyProcess = ({ processes, engines }: Topology) => [...processes, ...engines];
const everyLink = ({ links }: Topology) => links;
const everyContext = ({ contexts }: Topology) => contexts;

const kinds = {
  kill: {
    about: 'a process gets SIGKILL',
    targets: everyProcess,
    weight: 4,
    lasts: [0, 0],
  },
  stop: {
    about: 'a process is stopped and continued later (SIGSTOP, SIGCONT)',
    targets: everyProcess,
    weight: 3,
    lasts: [200, 3_000],
  },
  restart: {
    about: 'a process is told to end, finishes its work, and is started again',
    targets: everyProcess,
    weight: 3,
    lasts: [0, 0],
  },
  'broker-away': {
    about: 'every connection to the event log is reset, and new ones are refused',
    targets: () => ['broker'],
    weight: 2,
    lasts: [300, 3_000],
  },
  'broker-slow': {
    about: 'everything to and from the event log is late',
    targets: () => ['broker'],
    weight: 2,
    lasts: [500, 3_000],
  },
  'broker-disk-full': {
    about: 'the disk of the event log is full',
    targets: () => ['broker'],
    weight: 1,
    lasts: [300, 1_500],
  },
  'database-away': {
    about: 'every connection to the databases is reset, and new ones are refused',
    targets: () => ['database'],
    weight: 2,
    lasts: [300, 3_000],
  },
  'database-slow': {
    about: 'everything to and from the databases is late',
    targets: () => ['database'],
    weight: 2,
    lasts: [500, 3_000],
  },
  'database-disk-full': {
    about: 'the disk of the databases is full',
    targets: () => ['database'],
    weight: 1,
    lasts: [300, 1_500],
  },
  'network-cut': {
    about: 'nothing gets through between two, and neither notices',
    targets: everyLink,
    weight: 4,
    lasts: [200, 4_000],
  },
  'network-one-way': {
    about: 'what one sends gets through, the answers do not, or the other way round',
    targets: ({ links }) => links.flatMap((link) => [`${link} there`, `${link} back`]),
    weight: 4,
    lasts: [200, 4_000],
  },
  'network-delay': {
    about: 'everything between two is late',
    targets: everyLink,
    weight: 3,
    lasts: [500, 4_000],
  },
  'clock-jump': {
    about: 'the time of day jumps for a process, by up to two minutes, and back later',
    targets: ({ processes }) => processes,
    weight: 3,
    lasts: [500, 4_000],
  },
  'topic-reset': {
    about: 'a topic whose events are all handled is deleted and made anew',
    targets: everyContext,
    weight: 1,
    lasts: [0, 0],
    alone: true,
  },
  'database-restored': {
    about: "a service's database is put back from a copy",
    targets: everyContext,
    weight: 1,
    lasts: [0, 0],
    alone: true,
  },
  'duplicate-delivery': {
    about: "a topic's newest events arrive once more, from a foreign producer",
    targets: everyContext,
    weight: 2,
    lasts: [0, 0],
  },
  'late-delivery': {
    about: "a topic's oldest events arrive once more, long after",
    targets: everyContext,
    weight: 2,
    lasts: [0, 0],
  },
  poison: {
    about: 'records that no contract allows; an operator discards the dead letters',
    targets: everyContext,
    weight: 2,
    lasts: [0, 0],
  },
  'rebalance-storm': {
    about: 'further processes of a service join its group and leave it, in quick succession',
    targets: everyContext,
    weight: 2,
    lasts: [1_000, 3_000],
  },
  'password-changed': {
    about: "a role's password is changed and its sessions end; later it is the old one again",
    targets: ({ owners }) => owners,
    weight: 3,
    lasts: [300, 3_000],
  },
} as const satisfies Record<string, KindOfFault>;

export type FaultKind = keyof typeof kinds;

export const FAULT_KINDS = Object.keys(kinds) as readonly FaultKind[];

/** What a kind does, in a sentence. */
export const aboutOf = (kind: FaultKind): string => kinds[kind].about;

/** Whether nothing else must be wrong while it happens. */
export const isAlone = (kind: FaultKind): boolean => 'alone' in kinds[kind];

export interface Fault {
  /** From 1. */
  readonly number: number;
  readonly kind: FaultKind;
  readonly target: string;
  /** Milliseconds until it is mended. */
  readonly durationMs: number;
  /** What else is left to chance: `chance('x')` is the same fraction, 0 to 1, whenever it is asked. */
  readonly chance: (of: string) => number;
}

/**
 * The faults of a campaign, in order. The same seed, topology and kinds give the same faults, and a longer plan begins
 * with the shorter one. Kinds come in rounds, each with every kind as often as its weight says.
 * @param among the kinds to draw from.
 */
export function planOf(
  seed: number,
  count: number,
  topology: Topology,
  among: readonly FaultKind[] = FAULT_KINDS,
): readonly Fault[] {
  const deck = among
    .filter((kind) => kinds[kind].targets(topology).length > 0)
    .flatMap((kind) => Array.from({ length: kinds[kind].weight }, (_, copy) => ({ kind, copy })));
  if (deck.length === 0) throw new Error('There is no kind of fault to draw from');
  const rounds = Array.from({ length: Math.ceil(count / deck.length) }, (_, round) =>
    deck
      .map(({ kind, copy }) => ({ kind, lot: fraction(`${seed} round ${round} ${kind} ${copy}`) }))
      .sort((a, b) => a.lot - b.lot),
  );
  const drawn = rounds.flat().slice(0, count);
  return drawn.map(({ kind }, index): Fault => {
    const chance = (of: string) => fraction(`${seed} fault ${index} ${of}`);
    const { targets, lasts } = kinds[kind];
    const all = targets(topology);
    return {
      number: index + 1,
      kind,
      target: all[Math.floor(chance('target') * all.length)] as string,
      durationMs: Math.round(lasts[0] + chance('duration') * (lasts[1] - lasts[0])),
      chance,
    };
  });
}
