import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join, resolve } from 'node:path';
import { eventually } from '@atlas/testing';

const ROOT = resolve(__dirname, '../../..');

/** A measured process; it exits with this one. */
export class Child {
  private output = '';

  private constructor(private readonly child: ChildProcess) {
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (chunk: Buffer) => (this.output = (this.output + chunk.toString()).slice(-20_000)));
    }
  }

  /** An app as it is deployed. */
  static app(name: string, env: Readonly<Record<string, string>>): Child {
    return new Child(
      fork(join(ROOT, 'dist/apps', name, 'src/main.js'), { env: { PORT: '0', ...env }, silent: true }),
    );
  }

  /** A program of the benchmark, run from its sources. */
  static program(file: string, env: Readonly<Record<string, string>>): Child {
    const execArgv = ['--require', join(ROOT, 'tools/jest/run-typescript.cjs')];
    return new Child(fork(file, { execArgv, env: { PORT: '0', ...env }, silent: true }));
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  /** Calls its HTTP API, once it listens. */
  async get(path: string): Promise<Record<string, unknown>> {
    const url = await eventually(() => {
      if (this.child.exitCode !== null) throw new Error(`The process has exited:\n${this.output}`);
      return this.output.match(/is ready at (http:[^,]+),/)?.[1];
    });
    return (await (await fetch(url + path)).json()) as Record<string, unknown>;
  }

  /** Sends it a message and waits for the answer. */
  async ask<Answer>(question: string): Promise<Answer> {
    const answer = once(this.child, 'message');
    this.child.send(question);
    return (await answer)[0] as Answer;
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const ended = once(this.child, 'exit');
    this.child.kill('SIGTERM');
    await ended;
  }
}
