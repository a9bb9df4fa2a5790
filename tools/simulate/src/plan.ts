import { SeededRandom } from '@atlas/testing';

/** What a customer or the shop does, and when. */
export interface Action {
  /** Milliseconds. */
  readonly at: number;
  readonly kind:
    | 'place'
    | 'cancel'
    | 'refund'
    /** The provider's own staff does it. */
    | 'refund elsewhere'
    | 'restock'
    /** A retired product is listed again. */
    | 'reprice'
    | 'retire';
  /** Which order, counted from 0; for the shop's actions, which SKU. */
  readonly subject: number;
  readonly card?: string;
  /** The quantity of each SKU; 0: no line. */
  readonly quantities?: readonly number[];
  /** Minor units. */
  readonly price?: number;
}

/** What happens to the ground that processes stand on. */
export const OUTAGES = [
  'database away', // its open transactions end, its statements fail
  'log away', // publications fail, no records are fetched, no offsets are stored
  'provider away', // it refuses connections
  'slow process', // every step takes 20 ms
  'clock wrong', // up to 2 s, for the rest of the run
  'relay deposed', // its database session ends, which it notices at its next read
  'published again', // the relay's cursor is an older one, as after a restore
  'member expelled', // the group gives a member's partitions to others, which it notices late
  'restart', // in order
  'kill',
] as const;

export interface Outage {
  readonly at: number;
  readonly kind: (typeof OUTAGES)[number];
  /** A service or a process. */
  readonly target: string;
  /** How long it lasts, milliseconds. */
  readonly forMs: number;
}

/**
 * What may become of a step: its process dies; it is refused, so it did not happen; its answer is lost, so it happened
 * and its process doesn't know.
 */
export const MISHAPS = ['crash', 'refused', 'lost'] as const;

export type Mishap = (typeof MISHAPS)[number];

/** A step of a process, such as `orders-1 commit`. */
export interface Step {
  readonly name: string;
  /** When its process asks for it, milliseconds. */
  readonly at: number;
  /** Counts the steps of this name at this time, from 1. */
  readonly number: number;
}

/** A step that differs from an ordinary one, which takes 1 ms. */
export interface Deviation extends Step {
  readonly delayMs: number;
  readonly mishap?: Mishap | undefined;
}

/** Everything that makes a run differ from a quiet day. The same plan makes the same run. */
export interface Plan {
  readonly seed: number;
  /** The units of each SKU at first. */
  readonly stock: readonly number[];
  /** Reservations expire before their orders' deadline. */
  readonly expiresEarly: boolean;
  readonly actions: readonly Action[];
  readonly outages: readonly Outage[];
  /** In the order of their times. */
  readonly deviations: readonly Deviation[];
}

/** What there is to fail. */
export interface Cast {
  readonly services: readonly string[];
  readonly processes: readonly string[];
  readonly relays: readonly string[];
}

/** Decides what becomes of each step. */
export interface Fate {
  readonly plan: Plan;
  /** @param mishaps that are possible. */
  of(step: Step, mishaps: readonly Mishap[]): Pick<Deviation, 'delayMs' | 'mishap'> | undefined;
}

/** No mishap comes later, milliseconds. */
export const CALM_AT = 12_000;

/** All orders are placed by then, milliseconds. */
const PLACED_BY = 5_000;
const MAX_ORDERS = 8;

/** Draws a plan from its seed: what deviates is drawn as the run goes, because only then its steps are known. */
export class DrawnFate implements Fate {
  readonly plan: Plan;
  private readonly deviations: Deviation[] = [];
  private readonly random: SeededRandom;
  private readonly delayChance: number;
  private readonly chances: Readonly<Record<Mishap, number>>;

  constructor(seed: number, cast: Cast) {
    this.random = new SeededRandom(seed);
    // Each seed has its own weather: with every fault at once few runs would get far.
    this.delayChance = this.pick([0, 0.02, 0.1, 0.3]);
    this.chances = {
      crash: this.pick([0, 0, 0.001, 0.004]),
      refused: this.pick([0, 0, 0.002, 0.01]),
      lost: this.pick([0, 0, 0.01, 0.04]),
    };
    this.plan = {
      seed,
      stock: Array.from({ length: 3 }, () => this.whole(3, 15)),
      expiresEarly: this.fraction() < 0.5,
      actions: this.drawActions(),
      outages: this.drawOutages(cast),
      deviations: this.deviations,
    };
  }

  of(step: Step, mishaps: readonly Mishap[]): Deviation | undefined {
    const delayMs = this.fraction() < this.delayChance ? this.drawDelay() : 0;
    const mishap =
      step.at < CALM_AT ? mishaps.find((possible) => this.fraction() < this.chances[possible]) : undefined;
    if (delayMs === 0 && mishap === undefined) return undefined;
    const deviation = { ...step, delayMs, mishap };
    this.deviations.push(deviation);
    return deviation;
  }

  private drawDelay(): number {
    return this.fraction() < 0.1 ? this.whole(100, 3_000) : this.whole(1, 30);
  }

  private drawActions(): readonly Action[] {
    const actions: Action[] = [];
    const orders = this.whole(1, MAX_ORDERS);
    // Often several at a time, so that their transactions overlap.
    const moments = Array.from({ length: this.whole(1, 3) }, () => this.whole(0, PLACED_BY));
    for (let subject = 0; subject < orders; subject += 1) {
      const at = this.pick(moments) + this.whole(0, 4);
      const quantities = [this.whole(0, 3), this.whole(0, 3), this.whole(1, 3)];
      const card = this.pick(['tok_approve', 'tok_approve', 'tok_approve', 'tok_decline', 'tok_timeout']);
      actions.push({ at, kind: 'place', subject, card, quantities });
      if (this.fraction() < 0.3) actions.push({ at: at + this.whole(1, 5_000), kind: 'cancel', subject });
      if (this.fraction() < 0.1) actions.push({ at: at + this.whole(1, 5_000), kind: 'refund', subject });
      if (this.fraction() < 0.1) {
        const elsewhereAt = at + this.whole(1, 5_000);
        actions.push({ at: elsewhereAt, kind: 'refund elsewhere', subject });
        // Before we have read that in the provider's books.
        actions.push({ at: elsewhereAt + this.whole(1, 300), kind: 'refund', subject });
      }
    }
    if (this.fraction() < 0.3) {
      actions.push({ at: this.whole(0, PLACED_BY), kind: 'restock', subject: this.whole(0, 2) });
    }
    for (let prices = this.whole(0, 2); prices > 0; prices -= 1) {
      const [at, subject] = [this.whole(0, PLACED_BY), this.whole(0, 2)];
      if (this.fraction() < 0.3) actions.push({ at, kind: 'retire', subject });
      actions.push({ at: at + this.whole(1, 500), kind: 'reprice', subject, price: this.whole(1, 500) });
    }
    return actions.sort((a, b) => a.at - b.at);
  }

  private drawOutages({ services, processes, relays }: Cast): readonly Outage[] {
    const targets: Readonly<Record<Outage['kind'], readonly string[]>> = {
      'database away': services,
      'log away': ['log'],
      'provider away': ['provider'],
      'slow process': [...processes, ...relays],
      'clock wrong': [...processes, ...relays],
      'relay deposed': services,
      'published again': services,
      'member expelled': processes,
      restart: [...processes, ...relays],
      kill: relays,
    };
    // The one fault that only an inbox absorbs comes more often than the others.
    const kinds = [...OUTAGES, 'published again', 'published again'] as const;
    return Array.from({ length: this.pick([0, 1, 2, 4]) }, () => {
      const kind = this.pick(kinds);
      return {
        at: this.whole(0, 8_000),
        kind,
        target: this.pick(targets[kind]),
        forMs: this.whole(50, 4_000),
      };
    }).sort((a, b) => a.at - b.at);
  }

  private fraction(): number {
    return this.random.fraction();
  }

  private whole(first: number, last: number): number {
    return this.random.whole(first, last);
  }

  private pick<T>(choices: readonly T[]): T {
    return choices[this.whole(0, choices.length - 1)] as T;
  }
}

/**
 * Repeats a plan. In a smaller plan than the one that was drawn, a step may come later than it did: the deviation
 * applies to the first step of its name from its time on.
 */
export class RepeatedFate implements Fate {
  private readonly due = new Map<string, Deviation[]>();

  constructor(readonly plan: Plan) {
    for (const deviation of plan.deviations) {
      const { name } = deviation;
      this.due.set(name, [...(this.due.get(name) ?? []), deviation]);
    }
  }

  of(
    { name, at, number }: Step,
    mishaps: readonly Mishap[],
  ): Pick<Deviation, 'delayMs' | 'mishap'> | undefined {
    const due = this.due.get(name);
    const next = due?.[0];
    if (!next || at < next.at || (at === next.at && number < next.number)) return undefined;
    due.shift();
    const { delayMs, mishap } = next;
    return { delayMs, mishap: mishap && mishaps.includes(mishap) ? mishap : undefined };
  }
}
