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
import { InjectFaults } from '../../../application/commands/inject-faults';
import type { Operation, RequestFaults } from '../../../domain/fault-plan';
import { NetworkFaults } from './network-faults';

const OPERATION = 'operation';

/** Tells {@link FaultInterceptor} what a route does. */
export const IsOperation = (operation: Operation) => SetMetadata(OPERATION, operation);

/** Injects the faults that are on into requests. */
@Injectable()
export class FaultInterceptor implements NestInterceptor {
  constructor(
    private readonly injectFaults: InjectFaults,
    private readonly network: NetworkFaults,
    private readonly reflector: Reflector,
  ) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const operation = this.reflector.get<Operation>(OPERATION, context.getHandler());
    const reply = context.switchToHttp().getResponse<FastifyReply>();
    return defer(() => this.answer(this.injectFaults.execute(operation), reply, next)).pipe(
      // Nest must not respond to a reply that was taken over.
      switchMap((answer) => (reply.sent ? NEVER : of(answer))),
    );
  }

  private async answer(
    { delayMs, before, after }: RequestFaults,
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
        return this.network.reset(reply);
      case undefined:
    }
    const body = await lastValueFrom(next.handle() as Observable<unknown>, { defaultValue: undefined });
    if (reply.sent) return undefined;
    switch (after?.kind) {
      case 'error-after':
        throw failure(after.status);
      case 'reset-after':
        return this.network.reset(reply);
      case 'silence-after':
        return this.network.hold(reply);
      case 'slow-body':
        return this.network.sendSlowly(reply, body, after.overMs);
      case undefined:
        return body;
    }
  }
}

const failure = (status: number) =>
  new Problem({ status, title: 'Out of order', detail: 'The provider has a fault; try again later.' });
