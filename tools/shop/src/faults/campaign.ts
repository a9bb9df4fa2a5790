import { createWriteStream } from 'node:fs';
import { once } from 'node:events';
import { inflict, type Means } from './inflict';
import { type Fault, isAlone } from './plan';

/** What became of a fault. */
export interface Outcome {
  readonly number: number;
  readonly kind: Fault['kind'];
  readonly target: string;
  /** More about what was done; empty if the kind says it all. */
  readonly detail: string;
  /** When it began, ISO 8601, and milliseconds after the campaign's begin. */
  readonly at: string;
  readonly beganMs: number;
  /** From its begin until it was mended. */
  readonly lastedMs: number;
  /** From then until the next order was confirmed that was placed afterwards. */
  readonly recoveredMs: number;
}

/** Where outcomes are written, one line of JSON each. */
export class Journal {
  private readonly file;

  constructor(path: string) {
    this.file = createWriteStream(path);
  }

  add(line: object): void {
    this.file.write(`${JSON.stringify(line)}\n`);
  }

  async close(): Promise<void> {
    this.file.end();
    await once(this.file, 'close');
  }
}

export interface CampaignOptions {
  readonly faults: readonly Fault[];
  /** Faults at a time. */
  readonly parallel: number;
  /** Called after each mended fault: how long until the platform works. */
  readonly recovery: () => Promise<number>;
  readonly onOutcome: (outcome: Outcome) => void;
  /** No further fault begins; those that have begun end as they should. */
  readonly enough: AbortSignal;
  /** Ends at once. */
  readonly signal: AbortSignal;
}

/**
 * Inflicts the faults in their order, some at a time, but never two on the same target; each ends when the platform
 * works again. @throws the first error: a fault that could not be mended, or a platform that does not recover.
 */
export async function runCampaign(options: CampaignOptions, means: Means): Promise<void> {
  const { faults, parallel, recovery, onOutcome, enough, signal } = options;
  const began = performance.now();
  const running = new Map<Fault, Promise<void>>();
  const failing = new AbortController();
  const run = async (fault: Fault): Promise<void> => {
    const at = new Date().toISOString();
    const start = performance.now();
    try {
      const detail = await inflict(fault, means);
      const mended = performance.now();
      const recoveredMs = await recovery();
      const { number, kind, target } = fault;
      onOutcome({
        ...{ number, kind, target, detail, at },
        beganMs: Math.round(start - began),
        lastedMs: Math.round(mended - start),
        recoveredMs: Math.round(recoveredMs),
      });
    } catch (error) {
      failing.abort(
        new Error(`Fault ${fault.number} (${fault.kind} of ${fault.target}): ${(error as Error).message}`, {
          cause: error,
        }),
      );
    } finally {
      running.delete(fault);
    }
  };
  const ending = AbortSignal.any([signal, failing.signal]);
  for (const fault of faults) {
    while (!ending.aborted && !fits(fault, [...running.keys()], parallel))
      await Promise.race(running.values());
    if (ending.aborted || enough.aborted) break;
    running.set(fault, run(fault));
  }
  await Promise.all(running.values());
  ending.throwIfAborted();
}

function fits(fault: Fault, running: readonly Fault[], parallel: number): boolean {
  if (running.length === 0) return true;
  if (running.length >= parallel || isAlone(fault.kind)) return false;
  return running.every((other) => !isAlone(other.kind) && !touch(fault, other));
}

/** Whether they strike the same place: a link is one, whichever direction fails, and belongs to what it leads to. */
function touch(one: Fault, other: Fault): boolean {
  const [a, b] = [one, other].map(({ target }) => target.split(' ')[0] ?? target) as [string, string];
  return a === b || a.endsWith(`→${b}`) || b.endsWith(`→${a}`);
}
