import { classifyResponse, DependencyError } from '@atlas/resilience';
import { Problem } from '@atlas/service';
import type { FastifyReply } from 'fastify';
import type { z } from 'zod';
import { BooksController } from '../../../apps/payment-provider/src/adapters/driving/http/books.controller';
import { booksQuery } from '../../../apps/payment-provider/src/adapters/driving/http/books.schemas';
import { ChargesController } from '../../../apps/payment-provider/src/adapters/driving/http/charges.controller';
import {
  type ProviderCall,
  type ProviderClient,
  ProviderRefusal,
} from '../../../apps/payments/src/adapters/driven/provider/provider-client';
import type { Container } from './container';
import type { SimulatedProcess } from './process';

/** The outside company: it never fails by itself, but the way to it does. */
export interface Provider {
  readonly app: Container;
  isAway: boolean;
}

/** As a request that the network or a proxy refused: nothing was done. */
const refused = () => Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });

/** The provider's HTTP API without HTTP: calls its controllers, and loses requests and answers on the way. */
export class SimulatedProviderClient implements Pick<ProviderClient, 'call'> {
  constructor(
    private readonly process: SimulatedProcess,
    private readonly provider: Provider,
  ) {}

  async call<Answer>(
    method: 'GET' | 'POST',
    path: string,
    answer: z.ZodType<Answer>,
    call: ProviderCall,
  ): Promise<Answer> {
    const { promise: aborted, reject } = Promise.withResolvers<never>();
    aborted.catch(() => undefined);
    call.signal.addEventListener('abort', () => reject(call.signal.reason as Error), { once: true });
    return Promise.race([this.exchange(`${method} ${path}`, answer, call), aborted]);
  }

  private async exchange<Answer>(
    request: string,
    answer: z.ZodType<Answer>,
    { body, key }: ProviderCall,
  ): Promise<Answer> {
    const mishap = await this.process.step('request', ['refused']);
    if (mishap !== undefined || this.provider.isAway) throw refused();
    const response = await this.answerTo(request, body, key);
    const lost = await this.process.step('answer', ['lost']);
    if (response === undefined || lost !== undefined || this.provider.isAway)
      return new Promise(() => undefined);
    if (response.failure) throw response.failure;
    return answer.parse(JSON.parse(JSON.stringify(response.body)));
  }

  /** @returns undefined if the provider is silent. */
  private async answerTo(
    request: string,
    body: unknown,
    key: string | undefined,
  ): Promise<{ readonly body?: unknown; readonly failure?: Error } | undefined> {
    try {
      const value = await this.route(request, body, key);
      return value === undefined ? undefined : { body: value };
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      const status = error.getStatus();
      const failure = classifyResponse({ status, headers: { get: () => null } });
      const isTransient = status === 409 || failure?.transient;
      return {
        failure:
          failure && isTransient
            ? new DependencyError(error.message, { ...failure, transient: true })
            : new ProviderRefusal(status, error.message),
      };
    }
  }

  private route(request: string, body: unknown, key: string | undefined): Promise<unknown> {
    const { app } = this.provider;
    const charges = app.get<ChargesController>(ChargesController);
    const reply = { header: () => reply, status: () => reply, code: () => reply } as unknown as FastifyReply;
    const [target = '', query = ''] = request.split('?');
    const parameters = Object.fromEntries(new URLSearchParams(query));
    if (target === 'POST /charges') return charges.charge(key, body as never, reply);
    if (target === 'GET /charges') return charges.list({ reference: parameters['reference'] ?? '' });
    if (target === 'GET /books') {
      return app.get<BooksController>(BooksController).entries(booksQuery.parse(parameters));
    }
    const id = target.split('/')[2] ?? '';
    return target.endsWith('/refunds') ? charges.refund(key, id, reply) : charges.read(id);
  }
}
