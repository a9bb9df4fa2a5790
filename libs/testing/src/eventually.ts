import { setTimeout } from 'node:timers/promises';

/**
 * Waits until `probe` returns a value other than undefined or false without throwing, and returns that value.
 * @param deadlineMs when to give up with the last error; generous, since success ends the wait at once.
 */
export async function eventually<T>(
  probe: () => Promise<T | undefined | false> | T | undefined | false,
  deadlineMs = 30_000,
): Promise<T> {
  const deadline = Date.now() + deadlineMs;
  for (;;) {
    let failure: unknown;
    try {
      const value = await probe();
      if (value !== undefined && value !== false) return value;
    } catch (error) {
      failure = error;
    }
    if (Date.now() > deadline) {
      throw new Error(`Not within ${deadlineMs} ms: ${probe.toString()}`, { cause: failure });
    }
    await setTimeout(20);
  }
}
