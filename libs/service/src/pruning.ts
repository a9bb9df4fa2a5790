import type { Logger } from '@nestjs/common';
import { Loop } from '@atlas/resilience';

const REST_MS = 10 * 60_000;

/**
 * Prunes every ten minutes, and sooner after a failure. Several replicas may do so at once.
 * @param what it does, for the log: "prune the inbox".
 */
export const pruningLoop = (
  logger: Logger,
  what: string,
  prune: (signal: AbortSignal) => Promise<unknown>,
): Loop =>
  new Loop(
    async (signal) => {
      await prune(signal);
      return 'rest';
    },
    {
      restMs: REST_MS,
      initialDelayMs: 1_000,
      maxDelayMs: REST_MS,
      onFailure: (error) => logger.warn(`Can't ${what}; trying again later: ${String(error)}`),
    },
  );

/**
 * Deletes a page at a time, so that no statement takes long, until a page isn't full or `signal` aborts.
 * @param deletePage deletes at most `limit` rows.
 * @returns how many it has deleted.
 */
export async function deletePages(
  limit: number,
  deletePage: (limit: number) => Promise<number>,
  signal?: AbortSignal,
): Promise<number> {
  let all = 0;
  for (let page = limit; page === limit && !signal?.aborted; all += page) page = await deletePage(limit);
  return all;
}
