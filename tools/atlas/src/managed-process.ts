import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { isReady } from './health';
import { projectRoot } from './project-root';
import type { Log } from './log';
import { HOST } from './ports';
import { identify, type ProcessIdentity } from './process-identity';
import { Restarts } from './restarts';
import { UserError } from './user-error';

/** One Node process of the platform. */
export interface ProcessSpec {
  readonly name: string;
  /** Outside: not ours, but a stand-in for a company that we depend on. */
  readonly kind: 'service' | 'relay' | 'outside';
  /** The file to run. */
  readonly script: string;
  /** Where it listens, on the loopback interface. */
  readonly port: number;
  readonly env: Readonly<Record<string, string>>;
}

/** So often may a process end before it was ever ready; then it is its own fault, and trying on is no use. */
const MAX_FAILED_STARTS = 5;
const READY_TIMEOUT_MS = 120_000;

/** Keeps one process running until it is told to stop. */
export class ManagedProcess {
  private child: ChildProcess | undefined;
  private identity: ProcessIdentity | undefined;
  private since: Date | undefined;
  private everReady = false;
  private stopping = false;
  private readonly restarting = new Restarts();
  private readonly tail: string[] = [];
  private pending: NodeJS.Timeout | undefined;

  constructor(
    readonly spec: ProcessSpec,
    private readonly log: Log,
    private readonly nodeFlags: readonly string[],
    private readonly onChange: () => void,
  ) {}

  get url(): string {
    return `http://${HOST}:${this.spec.port}`;
  }

  get process(): ProcessIdentity | undefined {
    return this.identity;
  }

  get startedAt(): Date | undefined {
    return this.identity && this.since;
  }

  /** How often it was started again. */
  get restarts(): number {
    return this.restarting.count;
  }

  start(): void {
    const { name, script, env } = this.spec;
    const child = spawn(process.execPath, [...this.nodeFlags, script], {
      cwd: projectRoot(),
      env: { ...process.env, ...env },
      // The channel tells it when this process is gone; a group of its own keeps the terminal's Ctrl-C away from it.
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      detached: true,
    });
    this.child = child;
    this.since = new Date();
    this.identity = child.pid === undefined ? undefined : identify(child.pid);
    for (const stream of [child.stdout, child.stderr] as Readable[]) {
      createInterface({ input: stream }).on('line', (line) => {
        this.tail.push(line);
        if (this.tail.length > 10) this.tail.shift();
        this.log.line(name, line);
      });
    }
    const begin = performance.now();
    let over = false;
    const ended = (how: string) => {
      if (over) return;
      over = true;
      this.child = undefined;
      this.identity = undefined;
      if (!this.stopping) this.startAgain(how, performance.now() - begin);
      this.onChange();
    };
    child.once('error', (error) => ended(error.message));
    child.once('exit', (code, killedBy) => ended(killedBy ?? `exit code ${code}`));
    this.onChange();
  }

  /**
   * Resolves when it can serve for the first time.
   * @throws UserError with its last words if it ends again and again, or is not ready in two minutes.
   */
  async untilReady(): Promise<void> {
    for (const deadline = Date.now() + READY_TIMEOUT_MS; ; await sleep(50)) {
      if (await isReady(this.url)) break;
      if (this.restarts < MAX_FAILED_STARTS && Date.now() < deadline && !this.stopping) continue;
      const words = this.tail.map((line) => messageOf(line)).join('\n  ');
      throw new UserError(`${this.spec.name} does not start${words && `; its last words:\n  ${words}`}`);
    }
    this.everReady = true;
  }

  /** Lets it finish what it has in hand; after `graceMs` it is killed. */
  async stop(graceMs: number): Promise<void> {
    this.stopping = true;
    clearTimeout(this.pending);
    const { child } = this;
    if (!child) return;
    const exited = new Promise((done) => child.once('exit', done));
    const killer = setTimeout(() => {
      this.log.note(`${this.spec.name} did not stop in ${graceMs / 1_000} s and is killed`, 'warn');
      child.kill('SIGKILL');
    }, graceMs);
    child.kill('SIGTERM');
    await exited;
    clearTimeout(killer);
  }

  /** Ends it at once; {@link stop} resolves then. */
  kill(): void {
    this.stopping = true;
    this.child?.kill('SIGKILL');
  }

  private startAgain(how: string, livedMs: number): void {
    const delay = this.restarting.next(livedMs);
    if (!this.everReady && this.restarts >= MAX_FAILED_STARTS) return;
    this.log.note(`${this.spec.name} ended (${how}); starts again in ${delay} ms`, 'warn');
    this.pending = setTimeout(() => this.start(), delay);
  }
}

function messageOf(line: string): string {
  try {
    return (JSON.parse(line) as { msg?: string }).msg ?? line;
  } catch {
    return line;
  }
}
