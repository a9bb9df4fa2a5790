import { randomUUID } from 'node:crypto';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { FastifyInstance, FastifyReply } from 'fastify';
import type { Readiness } from '../health';
import { measureRequests } from '../telemetry/http-metrics';
import { serveMetrics } from '../telemetry/metrics.route';
import type { ProcessMetrics } from '../telemetry/process-metrics';
import { registerFlow } from './flow.hook';
import { acceptJsonOnly } from './json-body';
import { sendProblem } from './problem.filter';
import { refuseWrongTexts } from './texts';

const BODY_LIMIT_BYTES = 1_048_576;

/** The HTTP server of a service, with everything that applies to all of its routes. */
export function createHttpServer(readiness: Readiness, metrics: ProcessMetrics): FastifyAdapter {
  const adapter = new FastifyAdapter({
    bodyLimit: BODY_LIMIT_BYTES,
    requestTimeout: 30_000,
    // Requests that arrive during shutdown are still answered: the database closes after HTTP.
    return503OnClosing: false,
    routerOptions: { maxParamLength: 256 },
    genReqId: () => randomUUID(),
    frameworkErrors: (error: unknown, _request: unknown, reply: FastifyReply) => sendProblem(error, reply),
  });
  const fastify = adapter.getInstance();
  measureRequests(fastify);
  registerFlow(fastify);
  refuseWrongTexts(fastify);
  acceptJsonOnly(fastify);
  serveMetrics(fastify, metrics);
  endConnectionsOnLeave(fastify, readiness);
  return adapter;
}

/**
 * Without this, a connection that was busy when the shutdown began would stay open, and keep the process alive. The
 * header tells clients in time, so that none sends a request on a connection that is about to close.
 */
function endConnectionsOnLeave(fastify: FastifyInstance, readiness: Readiness): void {
  let closing = false;
  fastify.addHook('preClose', (done) => {
    closing = true;
    done();
  });
  fastify.addHook('onSend', (_request, reply, payload, done) => {
    if (closing || readiness.leaving) void reply.header('Connection', 'close');
    done(null, payload);
  });
  // For responses whose headers were already sent.
  fastify.addHook('onResponse', (_request, _reply, done) => {
    if (closing) setImmediate(() => fastify.server.closeIdleConnections());
    done();
  });
}
