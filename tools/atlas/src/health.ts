import { z } from 'zod';

/** The circuit breaker of one dependency of a process. */
export interface Circuit {
  readonly dependency: string;
  readonly breaker: 'closed' | 'open' | 'half-open' | 'isolated';
  /** ISO 8601; null if it has never opened. */
  readonly since: string | null;
}

export interface Health {
  /** Whether it can serve requests. */
  readonly ready: boolean;
  readonly circuits: readonly Circuit[];
}

const TIMEOUT_MS = 3_000;
/** The health of a process that is not running or doesn't respond. */
export const DOWN: Health = { ready: false, circuits: [] };

const circuitOf = z.object({
  breaker: z.enum(['closed', 'open', 'half-open', 'isolated']),
  since: z.string().nullish(),
});
const answerOf = z.object({ details: z.record(z.string(), z.unknown()) });

function circuitsIn(answer: unknown): Circuit[] {
  const { data } = answerOf.safeParse(answer);
  return Object.entries(data?.details ?? {}).flatMap(([dependency, detail]) => {
    const circuit = circuitOf.safeParse(detail);
    return circuit.success
      ? [{ dependency, breaker: circuit.data.breaker, since: circuit.data.since ?? null }]
      : [];
  });
}

/** What a process reports at `/health/ready`; {@link DOWN} if it doesn't respond. */
export async function healthOf(url: string): Promise<Health> {
  try {
    const answer = await fetch(`${url}/health/ready`, { signal: AbortSignal.timeout(TIMEOUT_MS) });
    const body: unknown = await answer.json().catch(() => undefined);
    return { ready: answer.ok, circuits: circuitsIn(body) };
  } catch {
    return DOWN;
  }
}

export const isReady = async (url: string): Promise<boolean> => (await healthOf(url)).ready;
