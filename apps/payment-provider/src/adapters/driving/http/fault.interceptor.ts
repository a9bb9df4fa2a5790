import { setTimeout as pause } from 'node:timers/promises';
import {
  type CallHandler,
  type ExecutionContext,
  Injectable,
  type NestInterceptor,
  SetMetadata,
} from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { Problem } from '@atlas/service';
import type { FastifyReply } from 'fastify';
import { defer, lastValueFrom, NEVER, type Observable, of, switchMap } from 'rxjs';
import { Misbehave } from '../../../application/commands/misbehave';
import type { Operation, Strike } from '../../../domain/faults';
import { NetworkFaults } from './network-faults';

const OPERATION = 'operation';

/** What a route is to {@link FaultInterceptor}. */
export const IsOperation = (operation: Operation) => SetMetadata(OPERATION, operation);

/** Does to a request what the faults that are turned on say. */
@Injectable()
export class FaultInterceptor implements NestInterceptor {
  constructor(
    private readonly misbehave: Misbehave,
    private readonly faults: NetworkFaults,
    private readonly reflector: Reflector,
  ) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const operation = this.reflector.get<Operation>(OPERATION, context.getHandler());
    const reply = context.switchToHttp().getResponse<FastifyReply>();
    return defer(() => this.answer(this.misbehave.strike(operation), reply, next)).pipe(
      // A reply that is out of Nest's hands must not be answered by it.
      switchMap((answer) => (reply.sent ? NEVER : of(answer))),
    );
  }

  private async answer(
    { delayMs, before, after }: Strike,
    reply: FastifyReply,
    next: CallHandler,
  ): Promise<unknown> {
    if (delayMs > 0) await pause(delayMs);
    switch (before?.kind) {
      case 'rate-limit':
        throw new Problem({
          status: 429,
          title: 'Too many requests',
          detail: `Send fewer requests; try again after ${before.retryAfterSeconds} s.`,
          headers: { 'Retry-After': String(before.retryAfterSeconds) },
        });
      case 'error-before':
        throw failure(before.status);
      case 'reset-before':
        return this.faults.reset(reply);
      case undefined:
    }
    const body = await lastValueFrom(next.handle() as Observable<unknown>, { defaultValue: undefined });
    if (reply.sent) return undefined;
    switch (after?.kind) {
      case 'error-after':
        throw failure(after.status);
      case 'reset-after':
        return this.faults.reset(reply);
      case 'silence-after':
        return this.faults.hold(reply);
      case 'slow-body':
        return this.faults.drip(reply, body, after.overMs);
      case undefined:
        return body;
    }
  }
}

const failure = (status: number) =>
  new Problem({ status, title: 'Out of order', detail: 'The provider has a fault; try again later.' });
