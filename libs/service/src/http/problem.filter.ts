import { STATUS_CODES } from 'node:http';
import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException, Logger } from '@nestjs/common';
import type { AbstractHttpAdapter } from '@nestjs/core';
import { currentFlow } from '@atlas/ports/adapters';
import type { FastifyReply } from 'fastify';
import { type Observable, throwError } from 'rxjs';
import { isInfrastructureError } from '@atlas/resilience';
import { Problem, type ProblemDetails } from './problem-details';

/** What Fastify's errors mean to the client. */
const FASTIFY_PROBLEMS: Readonly<Record<string, { title: string; detail: string }>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: {
    title: 'Body too large',
    detail: 'The body is larger than 1 MiB, the limit of this service; send less at a time.',
  },
  FST_ERR_CTP_INVALID_MEDIA_TYPE: {
    title: 'Unsupported media type',
    detail: 'The body must be JSON, with the header Content-Type: application/json.',
  },
  FST_ERR_CTP_INVALID_JSON_BODY: {
    title: 'Invalid JSON',
    detail: 'The body is not valid JSON; correct it and resend it.',
  },
  FST_ERR_BAD_URL: {
    title: 'Invalid URL',
    detail: 'The path is not correctly percent-encoded; encode it and resend the request.',
  },
  FST_ERR_MAX_PARAM_LENGTH: {
    title: 'URL too long',
    detail: 'A segment of the path is longer than any id of this service; correct it.',
  },
  FST_ERR_CTP_EMPTY_JSON_BODY: {
    title: 'Invalid JSON',
    detail: 'The body is empty; send a JSON value or omit the header Content-Type.',
  },
};

const MEDIA_TYPE = 'application/problem+json; charset=utf-8';

/** The one place that maps exceptions to responses: problem details (RFC 9457) that reveal no internals. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  private readonly logger = new Logger(ProblemFilter.name);

  constructor(private readonly http: AbstractHttpAdapter) {}

  catch(exception: unknown, host: ArgumentsHost): void | Observable<never> {
    // An event handler has no client; its transport needs the original error.
    if (host.getType() !== 'http') return throwError(() => exception);
    const { body, headers } = toProblem(exception);
    if (body.status >= 500) this.logger.error(exception);
    const reply: unknown = host.switchToHttp().getResponse();
    if (this.http.isHeadersSent(reply)) {
      this.http.end(reply);
      return;
    }
    for (const [name, value] of Object.entries(headers)) this.http.setHeader(reply, name, value);
    this.http.setHeader(reply, 'Content-Type', MEDIA_TYPE);
    this.http.reply(reply, body, body.status);
  }
}

/** Answers a request that fails before it reaches a route or filter. */
export function sendProblem(error: unknown, reply: FastifyReply): void {
  const { body, headers } = toProblem(error);
  void reply.status(body.status).headers(headers).type(MEDIA_TYPE).send(body);
}

interface Answer {
  readonly body: ProblemDetails;
  readonly headers: Readonly<Record<string, string>>;
}

function toProblem(exception: unknown): Answer {
  if (exception instanceof HttpException) return fromHttpException(exception);
  if (isInfrastructureError(exception)) {
    return problem({
      status: 503,
      title: 'Temporarily unavailable',
      detail: 'The database is unavailable; try again in a few seconds.',
      headers: { 'Retry-After': '2' },
    });
  }
  const { statusCode, code, message } = exception as { statusCode?: number; code?: string; message?: string };
  if (statusCode && statusCode >= 400 && statusCode < 500) return refused(statusCode, code, message);
  const flow = currentFlow()?.correlationId;
  return problem({
    status: 500,
    title: 'Internal error',
    detail: `The service failed${flow ? `; quote correlation id ${flow} when you report it` : ''}.`,
  });
}

function fromHttpException(exception: HttpException): Answer {
  const status = exception.getStatus();
  const body = exception.getResponse();
  if (isProblemDetails(body)) {
    return { body, headers: exception instanceof Problem ? exception.headers : {} };
  }
  const { code } = (exception.cause ?? {}) as { code?: string };
  const message = typeof body === 'string' ? body : (body as { message?: unknown }).message;
  return refused(status, code, typeof message === 'string' ? message : exception.message);
}

function refused(status: number, code: string | undefined, message: string | undefined): Answer {
  const known = FASTIFY_PROBLEMS[code ?? ''];
  if (known) return problem({ status, ...known });
  const unknownRoute = status === 404 && message?.match(/^Cannot (\S+ \S+)$/)?.[1];
  const detail = unknownRoute
    ? `This service has no ${unknownRoute}; see /docs for its API.`
    : (message ?? 'The request was refused.');
  return problem({ status, type: 'about:blank', title: STATUS_CODES[status] ?? 'Error', detail });
}

const problem = (options: ConstructorParameters<typeof Problem>[0]): Answer => {
  const made = new Problem(options);
  return { body: made.getResponse() as ProblemDetails, headers: made.headers };
};

const isProblemDetails = (body: unknown): body is ProblemDetails =>
  typeof body === 'object' &&
  body !== null &&
  typeof (body as ProblemDetails).type === 'string' &&
  typeof (body as ProblemDetails).title === 'string';
