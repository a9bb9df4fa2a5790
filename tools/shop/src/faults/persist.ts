import { setTimeout as sleep } from 'node:timers/promises';

const DEADLINE_MS = 120_000;
const PAUSE_MS = 200;

/** Tries until it succeeds: another fault may be in the way. @throws its last error after two minutes. */
export async function persist<T>(what: () => Promise<T>): Promise<T> {
  for (const deadline = performance.now() + DEADLINE_MS; ; await sleep(PAUSE_MS)) {
    try {
      return await what();
    } catch (error) {
      if (performance.now() > deadline) throw error;
    }
  }
}
