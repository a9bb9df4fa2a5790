import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { eventually } from '@atlas/testing';

/** A running `process.ts`, and every line of its output. */
export class Child {
  readonly lines: string[] = [];
  private readonly ended: Promise<unknown>;

  private constructor(private readonly process: ChildProcessByStdio<null, Readable, Readable>) {
    this.ended = once(process, 'close');
    createInterface(process.stdout).on('line', (line) => this.lines.push(line));
    // Apart from kafkajs's warnings, this shows why it died.
    process.stderr.on('data', (text: Buffer) => this.lines.push(`stderr ${text.toString()}`));
  }

  static run(...args: readonly (string | number)[]): Child {
    const program = join(__dirname, 'process.ts');
    const hook = join(process.cwd(), 'tools/jest/run-typescript.cjs');
    return new Child(
      spawn(process.execPath, ['--require', hook, program, ...args.map(String)], {
        stdio: ['ignore', 'pipe', 'pipe'],
      }),
    );
  }

  /** False once it has ended, by itself or by a signal. */
  get running(): boolean {
    return this.process.exitCode === null && this.process.signalCode === null;
  }

  /** The number of lines that start with the word. */
  count(word: string): number {
    return this.lines.filter((line) => line.startsWith(`${word} `) || line === word).length;
  }

  /** Waits for one more line that starts with the word. */
  async next(word: string, deadlineMs = 60_000): Promise<void> {
    const before = this.count(word);
    await eventually(() => {
      if (!this.running) throw new Error(`The process has ended:\n${this.lines.slice(-20).join('\n')}`);
      return this.count(word) > before;
    }, deadlineMs);
  }

  signal(signal: NodeJS.Signals): void {
    this.process.kill(signal);
  }

  /** Waits until it has ended. */
  async end(signal?: NodeJS.Signals): Promise<void> {
    if (signal) this.signal(signal);
    await this.ended;
  }
}
