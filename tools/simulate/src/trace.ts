import { createHash } from 'node:crypto';
import { EPOCH } from './virtual-time';

/** Everything that happened in a run, in order. */
export class Trace {
  /** What a reader wants to know. */
  readonly lines: string[] = [];
  steps = 0;
  private readonly all = createHash('sha256');

  /** A step of a process; only one that went wrong is worth a line. */
  step(name: string, mishap: string | undefined): void {
    this.steps += 1;
    this.all.update(`${Date.now()} ${name} ${mishap ?? ''}\n`);
    if (mishap) this.add(`! ${name}: ${mishap}`);
  }

  add(line: string): void {
    const at = ((Date.now() - EPOCH) / 1_000).toFixed(3).padStart(8);
    this.lines.push(`${at}  ${line}`);
    this.all.update(`${line}\n`);
  }

  /** The same for two runs in which the same steps happened at the same times. */
  digest(): string {
    return this.all.copy().digest('hex').slice(0, 16);
  }
}
