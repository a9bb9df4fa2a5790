import { readFileSync } from 'node:fs';

// A preload (`node --require`) for processes whose clock is to jump: what they see of the time of day is shifted by the
// milliseconds in the file that ATLAS_CLOCK_FILE names. Timers and `performance` run on, as they do when an
// administrator or NTP sets a machine's clock. Only the fault campaign sets it.

const POLL_MS = 50;

/** Replaces the global Date. @returns a function that puts the real one back. */
export function shiftClock(file: string): () => void {
  const real = Date;
  const read = () => {
    try {
      return Number(readFileSync(file, 'utf8')) || 0;
    } catch {
      return 0;
    }
  };
  let offset = read();
  const polling = setInterval(() => (offset = read()), POLL_MS);
  polling.unref();
  const now = () => real.now() + offset;
  globalThis.Date = new Proxy(real, {
    apply: () => new real(now()).toString(),
    construct: (target, args: unknown[], self) =>
      Reflect.construct(target, args.length === 0 ? [now()] : args, self) as Date,
    get: (target, property, self): unknown =>
      property === 'now' ? now : Reflect.get(target, property, self),
  });
  return () => {
    clearInterval(polling);
    globalThis.Date = real;
  };
}

const file = process.env['ATLAS_CLOCK_FILE'];
if (file) shiftClock(file);
