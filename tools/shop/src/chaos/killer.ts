import { setTimeout as sleep } from 'node:timers/promises';
import { fraction } from '../digest';

/** A process of the platform. */
export interface Victim {
  readonly name: string;
  /** How it is killed, for people: `kill -9 123`. */
  readonly how: string;
  /** Ends it at once. @returns false if it has already ended. */
  kill(): Promise<boolean>;
}

/**
 * Kills one process after another, at roughly even intervals, until it is stopped. Every process is killed
 * once before any is killed again. The seed determines the order and the times.
 */
export class Killer {
  /** How often each was killed. */
  readonly kills = new Map<string, number>();
  private readonly stopping = new AbortController();
  private round = 0;
  private readonly hadTheirTurn = new Set<string>();

  /** @param victims the processes that are running now. */
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

  /** Kills the next process. @returns undefined if none is running. */
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
    // It may have just ended by itself.
    if (!victim || !(await victim.kill())) return undefined;
    this.hadTheirTurn.add(victim.name);
    this.kills.set(victim.name, (this.kills.get(victim.name) ?? 0) + 1);
    this.onKill(victim);
    return victim;
  }
}
