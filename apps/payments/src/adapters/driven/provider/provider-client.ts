import { classifyResponse, DependencyError, type Failure } from '@atlas/resilience';
import { Agent, request } from 'undici';
import type { z } from 'zod';
import { problemAnswer } from './provider.schemas';

/** The provider understood the request and refuses it; again it would do the same. */
export class ProviderRefusal extends DependencyError {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message, { transient: false, mayHaveActed: false });
  }
}

export interface ProviderCall {
  readonly body?: unknown;
  readonly key?: string;
  readonly signal: AbortSignal;
}

/** The provider's HTTP API: one request, and what its answer or failure means. */
export class ProviderClient {
  private readonly agent: Agent;

  /** @param url such as `http://127.0.0.1:4090`. */
  constructor(
    private readonly url: string,
    connections: number,
  ) {
    this.agent = new Agent({ connections });
  }

  /**
   * Reads the answer to its end.
   * @throws ProviderRefusal, DependencyError, or undici's error for what went wrong with the connection.
   */
  async call<Answer>(
    method: 'GET' | 'POST',
    path: string,
    answer: z.ZodType<Answer>,
    { body, key, signal }: ProviderCall,
  ): Promise<Answer> {
    const response = await request(new URL(path, this.url), {
      dispatcher: this.agent,
      method,
      headers: {
        accept: 'application/json',
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...(key !== undefined && { 'idempotency-key': key }),
      },
      body: body === undefined ? null : JSON.stringify(body),
      signal,
    });
    const text = await response.body.text();
    const { statusCode: status, headers } = response;
    const get = (name: string) => [headers[name]].flat()[0] ?? null;
    const failure = classifyResponse({ status, headers: { get } });
    if (failure) throw failed(`${method} ${path}`, status, text, failure);
    return understand(answer, text, `${method} ${path}`);
  }

  close(): Promise<void> {
    return this.agent.destroy();
  }
}

function failed(what: string, status: number, text: string, failure: Failure): DependencyError {
  const { detail } = problemOf(text);
  const message = `The provider answers ${what} with ${status}${detail ? `: ${detail}` : ''}`;
  // Another request with the key is being worked on: its outcome will be ours.
  if (status === 409) return new DependencyError(message, { ...failure, transient: true });
  return failure.transient ? new DependencyError(message, failure) : new ProviderRefusal(status, message);
}

function problemOf(text: string): z.infer<typeof problemAnswer> {
  try {
    return problemAnswer.parse(JSON.parse(text));
  } catch {
    return {};
  }
}

/** An answer that makes no sense leaves open what was done. */
function understand<Answer>(answer: z.ZodType<Answer>, text: string, what: string): Answer {
  try {
    return answer.parse(JSON.parse(text));
  } catch (cause) {
    const message = `The provider's answer to ${what} is not as agreed`;
    throw new DependencyError(message, { transient: true, mayHaveActed: true }, { cause });
  }
}
