import { AsyncLocalStorage } from 'node:async_hooks';
import { createHash } from 'node:crypto';
import { type CallHandler, type ExecutionContext, Injectable, type NestInterceptor } from '@nestjs/common';
import { type IdempotencyKey, IdempotencyStore, type StoredAnswer, UnitOfWork } from '@atlas/ports/adapters';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { defer, isObservable, lastValueFrom, type Observable } from 'rxjs';
import { Problem } from './problem-details';

declare module 'fastify' {
  interface FastifyRequest {
    /** Who sends the request; set by a guard that authenticates it. Each principal has its own key space. */
    principal?: string;
  }
}

export const IDEMPOTENCY_KEY = 'Idempotency-Key';
export const MAX_KEY_LENGTH = 255;

const VISIBLE_ASCII = /^[\x21-\x7e]+$/;
const DAY_MS = 86_400_000;
/** The principal of requests that nobody authenticates. */
const ANONYMOUS = 'anonymous';

type Handle = () => Promise<unknown>;

/** Runs the route's method unless the request's key was used before; yields the body of the answer. */
type RunOnce = (handle: Handle) => Promise<unknown>;

const currentRequest = new AsyncLocalStorage<RunOnce | undefined>();

/**
 * Runs a route in one unit of work that holds its write, its events and its answer: whenever it crashes, a key has
 * either its effect and its answer or neither. An exception rolls back and is not stored, so the key is free again.
 *
 * Nest runs interceptors before pipes. If this one opened the unit of work, a request that validation refuses would
 * cost a transaction and claim its key. So it only prepares; {@link afterValidation} wraps the route's method, which
 * Nest calls with validated arguments, and the unit of work is opened there.
 */
@Injectable()
export class IdempotencyInterceptor implements NestInterceptor {
  constructor(
    private readonly unitOfWork: UnitOfWork,
    private readonly store: IdempotencyStore,
  ) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const http = context.switchToHttp();
    const reply = http.getResponse<FastifyReply>();
    return defer(() => {
      const key = keyOf(http.getRequest<FastifyRequest>());
      const runOnce: RunOnce = (handle) => this.runOnce(key, reply, handle);
      // next.handle() must be called in here: what it runs inherits the context of the call.
      return currentRequest.run(runOnce, () => lastValueOf(next.handle()));
    });
  }

  private runOnce(key: IdempotencyKey, reply: FastifyReply, handle: Handle): Promise<unknown> {
    const before = new Set(Object.keys(reply.getHeaders()));
    return this.unitOfWork.run(() => {
      forget(reply, before);
      return this.answer(key, reply, before, handle);
    });
  }

  private async answer(
    key: IdempotencyKey,
    reply: FastifyReply,
    before: ReadonlySet<string>,
    handle: Handle,
  ): Promise<unknown> {
    const verdict = await this.store.claim(key);
    switch (verdict.state) {
      case 'new': {
        const body = await handle();
        const headers = headersSince(reply, before);
        await this.store.store(key, { status: reply.statusCode, headers, body }, DAY_MS);
        return body;
      }
      case 'answered':
        return replay(reply, verdict.answer);
      case 'other-request':
        throw new Problem({
          status: 422,
          title: 'Idempotency-Key used for another request',
          detail: `This ${IDEMPOTENCY_KEY} was used for another request; send this one with a new key.`,
        });
      case 'in-flight':
        throw new Problem({
          status: 409,
          title: 'Request in progress',
          detail: `A request with this ${IDEMPOTENCY_KEY} is still in progress; send it again in a moment to get its answer.`,
          headers: { 'Retry-After': '1' },
        });
    }
  }
}

/** Makes a route's method claim the key of its request first, if there is one: a direct call just runs it. */
export function afterValidation<Method extends (this: unknown, ...args: never[]) => unknown>(
  method: Method,
): Method {
  const wrapped = function (this: unknown, ...args: never[]): unknown {
    const runOnce = currentRequest.getStore();
    if (!runOnce) return method.apply(this, args);
    const handle = async () => lastValueOf(await method.apply(this, args));
    // Only this call claims the key, not what it calls in turn.
    return currentRequest.run(undefined, () => runOnce(handle));
  };
  // Nest looks parameters up by the function's name, and keeps at the function what other decorators say.
  Object.defineProperty(wrapped, 'name', { value: method.name });
  for (const key of Reflect.getMetadataKeys(method) as string[]) {
    Reflect.defineMetadata(key, Reflect.getMetadata(key, method), wrapped);
  }
  return wrapped as Method;
}

/** Handlers may return observables. */
const lastValueOf = async (result: unknown): Promise<unknown> =>
  isObservable(result) ? lastValueFrom(result, { defaultValue: undefined }) : result;

function keyOf(request: FastifyRequest): IdempotencyKey {
  const key = request.headers[IDEMPOTENCY_KEY.toLowerCase()];
  if (key === undefined || key === '') {
    throw new Problem({
      status: 400,
      title: 'Idempotency-Key missing',
      detail:
        `This request needs the header ${IDEMPOTENCY_KEY}: give each write its own key, such as a UUID, and repeat ` +
        'the write with the same key.',
    });
  }
  if (typeof key !== 'string' || key.length > MAX_KEY_LENGTH || !VISIBLE_ASCII.test(key)) {
    throw new Problem({
      status: 400,
      title: 'Idempotency-Key invalid',
      detail: `The header ${IDEMPOTENCY_KEY} must have 1 to ${MAX_KEY_LENGTH} visible ASCII characters without spaces, such as a UUID.`,
    });
  }
  const { method, params, query, body } = request;
  return {
    scope: `${request.principal ?? ANONYMOUS} ${method} ${request.routeOptions.url ?? request.url}`,
    key,
    fingerprint: createHash('sha256')
      .update(canonicalJson([method, params, query, body]))
      .digest('hex'),
  };
}

/** JSON in which the order of an object's keys makes no difference. */
const canonicalJson = (value: unknown): string =>
  JSON.stringify(value, (_name, part: unknown) =>
    part !== null && typeof part === 'object' && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );

function headersSince(reply: FastifyReply, before: ReadonlySet<string>): Record<string, string> {
  const added = Object.entries(reply.getHeaders()).filter(([name]) => !before.has(name));
  return Object.fromEntries(added.map(([name, value]) => [name, String(value)]));
}

/** Removes the headers that an attempt set before it was rolled back. */
function forget(reply: FastifyReply, before: ReadonlySet<string>): void {
  for (const name of Object.keys(reply.getHeaders())) {
    if (!before.has(name)) void reply.removeHeader(name);
  }
}

function replay(reply: FastifyReply, { status, headers, body }: StoredAnswer): unknown {
  void reply.status(status).headers(headers).header('Idempotency-Replayed', 'true');
  return body;
}
