import type { IncomingHttpHeaders } from 'node:http';
import { type Flow, runInFlow, spanWithin } from '@atlas/ports/adapters';
import type { FastifyInstance, FastifyRequest } from 'fastify';

const CORRELATION_ID = /^[\w.:-]{1,128}$/;

/**
 * Runs every request in a flow. Its correlation id is the one in the request, if valid, or else the request's own id;
 * the response carries it, too. Its span belongs to the trace in the request, or to a new one.
 */
export function registerFlow(fastify: FastifyInstance): void {
  const flows = new WeakMap<FastifyRequest, Flow>();
  fastify.addHook('onRequest', (request, reply, done) => {
    const flow = flowOf(request.headers, request.id);
    flows.set(request, flow);
    void reply.header('x-correlation-id', flow.correlationId);
    runInFlow(flow, done);
  });
  // The body's last chunk arrives outside of the context that the first hook entered, so enter it again after parsing.
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
    traceparent: spanWithin(typeof traceparent === 'string' ? traceparent : undefined),
  };
}
