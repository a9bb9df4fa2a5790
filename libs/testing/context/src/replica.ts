import { randomUUID } from 'node:crypto';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';

/** A class, abstract or not, used as an injection token. */
export type Token<T> = abstract new (...args: never[]) => T;

export type Response = Awaited<ReturnType<NestFastifyApplication['inject']>>;
export type Request = Exclude<Parameters<NestFastifyApplication['inject']>[0], string>;

/** A replica of a service in this process, with its own container, connections and group membership. */
export class Replica {
  constructor(
    private readonly app: NestFastifyApplication,
    /** The URL it listens on. */
    readonly url: string,
  ) {}

  /** Resolves a provider, whichever module provides it. */
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

  /** Sends a request unchanged. */
  inject(request: Request): Promise<Response> {
    return this.app.inject(request);
  }

  stop(): Promise<void> {
    return this.app.close();
  }
}
