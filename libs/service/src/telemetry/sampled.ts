import { setTimeout as pause } from 'node:timers/promises';

/** How long a scrape waits for an answer. */
const PATIENCE_MS = 2_000;

/**
 * For a gauge whose value has to be asked for elsewhere: however often it is scraped, `ask` is called at most once in
 * `everyMs` milliseconds, and never while it still runs.
 * @returns the last answer; undefined, so that the gauge is left out instead of wrong, if there is none within 2 s.
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
