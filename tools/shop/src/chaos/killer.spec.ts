import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { Killer, type Victim } from './killer';
import { identify, type ProcessIdentity, signal } from '@atlas/cli/process-identity';

/** Real processes that do nothing, each started again once it was killed, as the supervisor does. */
class Processes {
  private readonly running = new Map<string, ChildProcess>();

  constructor(readonly names: readonly string[]) {
    for (const name of names) this.start(name);
  }

  victims(): readonly Victim[] {
    return [...this.running].map(([name, { pid }]) => {
      const identity = identify(pid as number) as ProcessIdentity;
      return { name, how: `kill -9 ${identity.pid}`, kill: async () => signal(identity, 'SIGKILL') };
    });
  }

  /** Waits until it is dead and returns how it died. */
  async end(name: string): Promise<NodeJS.Signals | null> {
    const child = this.running.get(name) as ChildProcess;
    if (child.signalCode === null && child.exitCode === null) await once(child, 'exit');
    this.running.delete(name);
    return child.signalCode;
  }

  start(name: string): void {
    this.running.set(
      name,
      spawn(process.execPath, ['-e', 'setInterval(() => {}, 60_000)'], { stdio: 'ignore' }),
    );
  }

  stop(): void {
    for (const child of this.running.values()) child.kill('SIGKILL');
  }
}

describe('A killer of processes', () => {
  const names = ['orders', 'inventory', 'payments', 'postgres'];
  let processes: Processes;
  beforeEach(() => (processes = new Processes(names)));
  afterEach(() => processes.stop());

  const strikes = async (seed: number, count: number): Promise<string[]> => {
    const killer = new Killer(async () => processes.victims(), seed);
    const killed: string[] = [];
    for (let n = 0; n < count; n++) {
      const victim = (await killer.strike()) as Victim;
      expect(await processes.end(victim.name)).toBe('SIGKILL');
      processes.start(victim.name);
      killed.push(victim.name);
    }
    return killed;
  };

  it('gives each its turn before any has a second one', async () => {
    const killed = await strikes(1, 8);
    expect(killed.slice(0, 4).sort()).toEqual([...names].sort());
    expect(killed.slice(4).sort()).toEqual([...names].sort());
  });

  it('goes the same way with the same seed, and another with another', async () => {
    const first = await strikes(1, 8);
    expect(await strikes(1, 8)).toEqual(first);
    const others = await Promise.all([2, 3, 4].map((seed) => strikesAmongOthers(seed)));
    expect(others.some((order) => order.join() !== first.slice(0, 4).join())).toBe(true);
  });

  it('passes over who is down', async () => {
    const killer = new Killer(async () => processes.victims().filter(({ name }) => name === 'payments'), 1);
    expect(await killer.strike()).toMatchObject({ name: 'payments' });
    expect(await new Killer(async () => [], 1).strike()).toBeUndefined();
  });

  it('ends when it is told to, and counts what it did', async () => {
    const killer = new Killer(
      async () => processes.victims(),
      1,
      () => killer.stop(),
    );
    await killer.run(1);
    expect([...killer.kills.values()]).toEqual([1]);
  });

  /** The order in which the four would die, from processes that are made for it. */
  async function strikesAmongOthers(seed: number): Promise<string[]> {
    const own = new Processes(names);
    const killer = new Killer(async () => own.victims(), seed);
    const killed: string[] = [];
    for (let n = 0; n < names.length; n++) {
      const { name } = (await killer.strike()) as Victim;
      await own.end(name);
      killed.push(name);
    }
    return killed;
  }
});
