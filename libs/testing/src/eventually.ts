import { setTimeout } from 'node:timers/promises';

/**
 * Waits until `probe` neither throws nor yields undefined or false, and returns what it yields.
 * @param deadlineMs after how long it gives up with the last error; generous, since it ends as soon as it can.
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
