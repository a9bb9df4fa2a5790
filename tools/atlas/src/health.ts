import { z } from 'zod';

/** The circuit breaker of one dependency of a process. */
export interface Circuit {
  readonly dependency: string;
  readonly breaker: 'closed' | 'open' | 'half-open' | 'isolated';
  /** ISO 8601; null if it has never opened. */
  readonly since: string | null;
}

/** What keeps a part of a process from working, though it can serve requests. */
export interface Trouble {
  readonly part: string;
  /** A sentence for the operator. */
  readonly message: string;
}

export interface Health {
  /** Whether it can serve requests. */
  readonly ready: boolean;
  readonly circuits: readonly Circuit[];
  readonly troubles: readonly Trouble[];
}

const TIMEOUT_MS = 3_000;
/** The health of a process that is not running or doesn't respond. */
export const DOWN: Health = { ready: false, circuits: [], troubles: [] };

const circuitOf = z.object({
  breaker: z.enum(['closed', 'open', 'half-open', 'isolated']),
  since: z.string().nullish(),
});
const troubleOf = z.object({ status: z.literal('degraded'), message: z.string() });
const answerOf = z.object({ details: z.record(z.string(), z.unknown()) });

function detailsIn(answer: unknown): Pick<Health, 'circuits' | 'troubles'> {
  const details = Object.entries(answerOf.safeParse(answer).data?.details ?? {});
  return {
    circuits: details.flatMap(([dependency, detail]) => {
      const circuit = circuitOf.safeParse(detail);
      return circuit.success
        ? [{ dependency, breaker: circuit.data.breaker, since: circuit.data.since ?? null }]
        : [];
    }),
    troubles: details.flatMap(([part, detail]) => {
      const trouble = troubleOf.safeParse(detail);
      return trouble.success ? [{ part, message: trouble.data.message }] : [];
    }),
  };
}

/** @param answer the body of `/health/ready`, whatever it is. */
export const healthIn = (ready: boolean, answer: unknown): Health => ({
  ready,
  ...detailsIn(answer),
});

/** What a process reports at `/health/ready`; {@link DOWN} if it doesn't respond. */
export async function healthOf(url: string): Promise<Health> {
  try {
    const answer = await fetch(`${url}/health/ready`, { signal: AbortSignal.timeout(TIMEOUT_MS) });
    const body: unknown = await answer.json().catch(() => undefined);
    return healthIn(answer.ok, body);
  } catch {
    return DOWN;
  }
}

export const isReady = async (url: string): Promise<boolean> => (await healthOf(url)).ready;
