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
  /** `outside`: a stand-in for another company's system. */
  readonly kind: 'service' | 'relay' | 'outside';
  /** The file to run. */
  readonly script: string;
  /** Where it listens, on the loopback interface. */
  readonly port: number;
  readonly env: Readonly<Record<string, string>>;
}

/** If a process exits this often before it is ever ready, restarting it is pointless. */
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

  /** How often it was restarted. */
  get restarts(): number {
    return this.restarting.count;
  }

  start(): void {
    const { name, script, env } = this.spec;
    const child = spawn(process.execPath, [...this.nodeFlags, script], {
      cwd: projectRoot(),
      env: { ...process.env, ...env },
      // The IPC channel closes when this process dies; a separate process group shields it from the terminal's Ctrl-C.
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
      if (!this.stopping) this.restart(how, performance.now() - begin);
      this.onChange();
    };
    child.once('error', (error) => ended(error.message));
    child.once('exit', (code, killedBy) => ended(killedBy ?? `exit code ${code}`));
    this.onChange();
  }

  /**
   * Resolves when the process is ready for the first time.
   * @throws UserError with its last log lines if it keeps exiting, or is not ready within two minutes.
   */
  async untilReady(): Promise<void> {
    for (const deadline = Date.now() + READY_TIMEOUT_MS; ; await sleep(50)) {
      if (await isReady(this.url)) break;
      if (this.restarts < MAX_FAILED_STARTS && Date.now() < deadline && !this.stopping) continue;
      const words = this.tail.map((line) => messageOf(line)).join('\n  ');
      throw new UserError(`${this.spec.name} failed to start${words && `; its last log lines:\n  ${words}`}`);
    }
    this.everReady = true;
  }

  /** Sends SIGTERM, so that it finishes its work; kills it after `graceMs`. */
  async stop(graceMs: number): Promise<void> {
    this.stopping = true;
    clearTimeout(this.pending);
    const { child } = this;
    if (!child) return;
    const exited = new Promise((done) => child.once('exit', done));
    const killer = setTimeout(() => {
      this.log.note(`${this.spec.name} did not stop within ${graceMs / 1_000} s and is killed`, 'warn');
      child.kill('SIGKILL');
    }, graceMs);
    child.kill('SIGTERM');
    await exited;
    clearTimeout(killer);
  }

  /** Kills it at once; a pending {@link stop} then resolves. */
  kill(): void {
    this.stopping = true;
    this.child?.kill('SIGKILL');
  }

  private restart(how: string, livedMs: number): void {
    const delay = this.restarting.next(livedMs);
    if (!this.everReady && this.restarts >= MAX_FAILED_STARTS) return;
    this.log.note(`${this.spec.name} ended (${how}); restarting in ${delay} ms`, 'warn');
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
