import { createHash } from 'node:crypto';
import {
  type CallHandler,
  type ExecutionContext,
  HttpException,
  Injectable,
  type NestInterceptor,
} from '@nestjs/common';
import { type IdempotencyKey, IdempotencyStore, type StoredAnswer, UnitOfWork } from '@atlas/ports/adapters';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { defer, lastValueFrom, type Observable } from 'rxjs';

declare module 'fastify' {
  interface FastifyRequest {
    /** Who asks: what a guard that authenticates requests puts here. Each principal's keys are a space of their own. */
    principal?: string;
  }
}

export const IDEMPOTENCY_KEY = 'Idempotency-Key';
export const MAX_KEY_LENGTH = 255;

const VISIBLE_ASCII = /^[\x21-\x7e]+$/;
const DAY_MS = 86_400_000;
/** Whose keys these are where nobody authenticates requests. */
const ANONYMOUS = 'anonymous';

/**
 * Runs a route in one unit of work that holds its write, its events and its answer: whatever crashes when, a key has
 * either its effect and its answer or neither. An exception rolls back and is not stored, so the key is free again.
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
      const before = new Set(Object.keys(reply.getHeaders()));
      // next.handle() must be called in here: what it runs inherits the unit of work that is open around the call.
      return this.unitOfWork.run(() => {
        forget(reply, before);
        return this.answer(key, reply, before, () =>
          lastValueFrom(next.handle() as Observable<unknown>, { defaultValue: undefined }),
        );
      });
    });
  }

  private async answer(
    key: IdempotencyKey,
    reply: FastifyReply,
    before: ReadonlySet<string>,
    handle: () => Promise<unknown>,
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
        throw refusal(
          422,
          'Idempotency-Key used for another request',
          `This ${IDEMPOTENCY_KEY} came with another request before; send this one with a new key.`,
        );
      case 'in-flight':
        void reply.header('Retry-After', '1');
        throw refusal(
          409,
          'Request in progress',
          `A request with this ${IDEMPOTENCY_KEY} is being worked on; send it again in a moment to get its answer.`,
        );
    }
  }
}

function keyOf(request: FastifyRequest): IdempotencyKey {
  const key = request.headers[IDEMPOTENCY_KEY.toLowerCase()];
  if (key === undefined || key === '') {
    throw refusal(
      400,
      'Idempotency-Key missing',
      `This request needs the header ${IDEMPOTENCY_KEY}; give each write a key of its own, such as a UUID, and repeat it with the same key.`,
    );
  }
  if (typeof key !== 'string' || key.length > MAX_KEY_LENGTH || !VISIBLE_ASCII.test(key)) {
    throw refusal(
      400,
      'Idempotency-Key invalid',
      `The header ${IDEMPOTENCY_KEY} must have 1 to ${MAX_KEY_LENGTH} visible ASCII characters, without spaces; a UUID does well.`,
    );
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

/** Takes back what an attempt that was rolled back had set. */
function forget(reply: FastifyReply, before: ReadonlySet<string>): void {
  for (const name of Object.keys(reply.getHeaders())) {
    if (!before.has(name)) void reply.removeHeader(name);
  }
}

function replay(reply: FastifyReply, { status, headers, body }: StoredAnswer): unknown {
  void reply.status(status).headers(headers).header('Idempotency-Replayed', 'true');
  return body;
}

/** In the shape of problem details (RFC 9457), which the service's exception filter passes on as they are. */
const refusal = (status: number, title: string, detail: string): HttpException => {
  const type = `urn:atlas:problem:${title.toLowerCase().replaceAll(' ', '-')}`;
  return new HttpException({ type, title, status, detail }, status);
};
