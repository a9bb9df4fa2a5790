import { setTimeout as pause } from 'node:timers/promises';

/** How long a scrape waits for a value. */
const PATIENCE_MS = 2_000;

/**
 * For a gauge whose value comes from elsewhere: however often it is scraped, `ask` is called at most once in `everyMs`
 * milliseconds, and never while a call is running.
 * @returns the last value, or undefined if there is none within 2 s: the gauge is then omitted instead of wrong.
 */
export function sampled<T>(everyMs: number, ask: () => Promise<T>): () => Promise<T | undefined> {
  let asking: Promise<T | undefined> | undefined;
  let askedAt = -Infinity;
  let isOpen = false;
  const answer = async (): Promise<T | undefined> => {
    isOpen = true;
    try {
      return await ask();
    } catch {
      return undefined;
    } finally {
      isOpen = false;
    }
  };
  return async () => {
    if (!isOpen && performance.now() - askedAt >= everyMs) {
      askedAt = performance.now();
      asking = answer();
    }
    const deadline = new AbortController();
    const patience = pause(PATIENCE_MS, undefined, { signal: deadline.signal, ref: false }).catch(
      () => undefined,
    );
    try {
      return await Promise.race([asking, patience]);
    } finally {
      deadline.abort();
    }
  };
}
