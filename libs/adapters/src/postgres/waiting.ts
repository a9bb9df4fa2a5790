import { ExponentialBackoff, handleWhen, retry } from 'cockatiel';

export const CONNECT_TIMEOUT_MS = 5_000;

/** Repeats `work` with backoff, for as long as it fails with what `passes` says may pass. */
export async function patiently<Result>(
  passes: (error: unknown) => boolean,
  work: () => Promise<Result>,
  onRetry?: (error: unknown) => void,
): Promise<Result> {
  const waiting = retry(handleWhen(passes), {
    maxAttempts: Infinity,
    backoff: new ExponentialBackoff({ initialDelay: 100, maxDelay: 5_000 }),
  });
  waiting.onFailure(({ reason, handled }) => {
    if (handled && 'error' in reason) onRetry?.(reason.error);
  });
  return waiting.execute(work);
}
