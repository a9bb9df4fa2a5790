import { classifyResponse, DependencyError, type Failure } from '@atlas/resilience';
import { Agent, request } from 'undici';
import type { z } from 'zod';
import { problemAnswer } from './provider.schemas';

/** The provider understood the request and refuses it; it would refuse it again. */
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

/** The provider's HTTP API: sends a request, and classifies its response. */
export class ProviderClient {
  private readonly agent: Agent;

  /** @param url such as `http://127.0.0.1:4090`. @param connections the most to open. */
  constructor(
    private readonly url: string,
    connections: number,
  ) {
    this.agent = new Agent({ connections });
  }

  /**
   * Reads the whole response.
   * @throws ProviderRefusal, DependencyError, or undici's error if the connection failed.
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
    return parse(answer, text, `${method} ${path}`);
  }

  close(): Promise<void> {
    return this.agent.destroy();
  }

  /** Nest calls this after the requests and jobs in progress have ended. */
  onApplicationShutdown(): Promise<void> {
    return this.close();
  }
}

function failed(what: string, status: number, text: string, failure: Failure): DependencyError {
  const { detail } = problemOf(text);
  const message = `The provider answered ${what} with ${status}${detail ? `: ${detail}` : ''}`;
  // Another request with this key is in progress: its outcome will be ours.
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

/** A malformed response doesn't tell what was done. */
function parse<Answer>(answer: z.ZodType<Answer>, text: string, what: string): Answer {
  try {
    return answer.parse(JSON.parse(text));
  } catch (cause) {
    const message = `The provider's response to ${what} is malformed`;
    throw new DependencyError(message, { transient: true, mayHaveActed: true }, { cause });
  }
}
