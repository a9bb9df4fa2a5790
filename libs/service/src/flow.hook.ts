import type { IncomingHttpHeaders } from 'node:http';
import { type Flow, runInFlow } from '@atlas/ports';
import type { FastifyInstance, FastifyRequest } from 'fastify';

const CORRELATION_ID = /^[\w.:-]{1,128}$/;
/** W3C Trace Context, version 00 and later. */
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?$/;

/**
 * Runs every request in a flow: the correlation id that it brings, if it is sane, or else the request's own id. The
 * answer carries it too.
 */
export function registerFlow(fastify: FastifyInstance): void {
  const flows = new WeakMap<FastifyRequest, Flow>();
  fastify.addHook('onRequest', (request, reply, done) => {
    const flow = flowOf(request.headers, request.id);
    flows.set(request, flow);
    void reply.header('x-correlation-id', flow.correlationId);
    runInFlow(flow, done);
  });
  // The body's last chunk comes from the socket, outside of what ran before it; so enter again behind the parser.
  fastify.addHook('preValidation', (request, _reply, done) => {
    const flow = flows.get(request);
    if (flow) runInFlow(flow, done);
    else done();
  });
}

function flowOf(headers: IncomingHttpHeaders, requestId: string): Flow {
  const correlationId = headers['x-correlation-id'];
  const traceparent = headers['traceparent'];
  return {
    correlationId:
      typeof correlationId === 'string' && CORRELATION_ID.test(correlationId) ? correlationId : requestId,
    traceparent: typeof traceparent === 'string' && TRACEPARENT.test(traceparent) ? traceparent : undefined,
  };
}
