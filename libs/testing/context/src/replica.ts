import { randomUUID } from 'node:crypto';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';

/** A class, abstract or not, that names what the container holds. */
export type Token<T> = abstract new (...args: never[]) => T;

export type Response = Awaited<ReturnType<NestFastifyApplication['inject']>>;
export type Request = Exclude<Parameters<NestFastifyApplication['inject']>[0], string>;

/** One replica of a service: in this process, with a container, connections and a place in the group of its own. */
export class Replica {
  constructor(
    private readonly app: NestFastifyApplication,
    /** Where it listens. */
    readonly url: string,
  ) {}

  /** What the container holds, whichever module provides it. */
  get<T>(token: Token<T>): T {
    return this.app.get<T>(token, { strict: false });
  }

  /** Sends an HTTP request, without the network. A body becomes JSON; a POST gets a new `Idempotency-Key`. */
  send(
    method: 'DELETE' | 'GET' | 'POST' | 'PUT',
    url: string,
    body?: object,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Response> {
    return this.inject({
      method,
      url,
      ...(body && { payload: body }),
      headers: { ...(method === 'POST' && { 'idempotency-key': randomUUID() }), ...headers },
    });
  }

  /** Sends a request exactly as it is given. */
  inject(request: Request): Promise<Response> {
    return this.app.inject(request);
  }

  stop(): Promise<void> {
    return this.app.close();
  }
}
