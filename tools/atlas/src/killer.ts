import { setTimeout as sleep } from 'node:timers/promises';
import { fraction } from './digest';

/** A process that the platform started. */
export interface Victim {
  readonly name: string;
  readonly pid: number;
  /** SIGKILL. @returns false if it has ended by itself. */
  kill(): Promise<boolean>;
}

/**
 * Kills one process after the other with SIGKILL, at about even intervals, until it is stopped. Each gets its turn
 * before any gets a second one; who is next and when follows from the seed.
 */
export class Killer {
  /** How often each was killed. */
  readonly kills = new Map<string, number>();
  private readonly stopping = new AbortController();
  private round = 0;
  private readonly hadTheirTurn = new Set<string>();

  /** @param victims those that run now. */
  constructor(
    private readonly victims: () => Promise<readonly Victim[]>,
    private readonly seed: number,
    private readonly onKill: (victim: Victim) => void = () => {},
  ) {}

  /** @param everyMs milliseconds between kills, on average. Resolves after {@link stop}. */
  async run(everyMs: number): Promise<void> {
    for (let turn = 0; !this.stopping.signal.aborted; turn++) {
      const pause = everyMs * (0.5 + fraction(`${this.seed} pause ${turn}`));
      await sleep(pause, undefined, { signal: this.stopping.signal }).catch(() => {});
      if (!this.stopping.signal.aborted) await this.strike();
    }
  }

  stop(): void {
    this.stopping.abort();
  }

  /** Kills whose turn it is; undefined if nobody runs. */
  async strike(): Promise<Victim | undefined> {
    const running = await this.victims();
    let waiting = running.filter(({ name }) => !this.hadTheirTurn.has(name));
    if (waiting.length === 0) {
      this.round++;
      this.hadTheirTurn.clear();
      waiting = [...running];
    }
    const lot = ({ name }: Victim) => fraction(`${this.seed} round ${this.round} ${name}`);
    const [victim] = waiting.sort((a, b) => lot(a) - lot(b));
    // It may have ended by itself just now.
    if (!victim || !(await victim.kill())) return undefined;
    this.hadTheirTurn.add(victim.name);
    this.kills.set(victim.name, (this.kills.get(victim.name) ?? 0) + 1);
    this.onKill(victim);
    return victim;
  }
}
