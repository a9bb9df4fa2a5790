import { metrics } from '@opentelemetry/api';
import { AdaptiveLimit } from '@atlas/resilience';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { ConfigError, type ServiceSettings } from '../config';
import { Problem } from './problem-details';
import { sendProblem } from './problem.filter';

/** What tells how the service is must not be refused just because it has much to do. */
const NEVER_SHED = /^\/(?:health|metrics)(?:[/?]|$)/;

export type LimitSettings = Pick<
  ServiceSettings,
  'HTTP_LOAD_SHEDDING' | 'HTTP_LATENCY_TARGET_MS' | 'HTTP_MIN_IN_FLIGHT' | 'HTTP_MAX_IN_FLIGHT'
>;

/** Without such settings it does nothing. @throws ConfigError if the bounds contradict each other. */
export function shedLoadAsSet(fastify: FastifyInstance, settings: Partial<LimitSettings>): void {
  const {
    HTTP_LOAD_SHEDDING: shedding = 'off',
    HTTP_LATENCY_TARGET_MS: targetMs = Infinity,
    HTTP_MIN_IN_FLIGHT: min = 1,
    HTTP_MAX_IN_FLIGHT: max = Infinity,
  } = settings;
  if (min > max) {
    throw new ConfigError(
      `HTTP_MIN_IN_FLIGHT is ${min}, more than HTTP_MAX_IN_FLIGHT, ${max}: lower the first or raise the second.`,
    );
  }
  if (shedding === 'on') shedLoad(fastify, new AdaptiveLimit({ min, max, targetMs }));
}

/**
 * Refuses at once what is beyond the limit, so that what was taken in keeps its latency: the later in a queue, the
 * likelier is it that a client has given up by the time it gets its answer (AWS Builders' Library, "Using load shedding
 * to avoid overload").
 */
function shedLoad(fastify: FastifyInstance, limit: AdaptiveLimit): void {
  const shed = measure(limit);
  const working = new WeakMap<FastifyReply, () => void>();
  fastify.addHook('onRequest', (request, reply, done) => {
    if (NEVER_SHED.test(request.url)) return done();
    const admission = limit.tryAdmit();
    if (!admission) {
      shed.add(1);
      sendProblem(overloaded(), reply);
      return;
    }
    // Work goes on when its client has gone, and is work all the same: it ends with the answer and the connection.
    let open = 2;
    const release = () => {
      open -= 1;
      if (open === 0) admission.release();
    };
    working.set(reply, release);
    reply.raw.once('close', release);
    done();
  });
  fastify.addHook('onSend', (_request, reply, payload, done) => {
    working.get(reply)?.();
    working.delete(reply);
    done(null, payload);
  });
}

/** Between one and three seconds, so that those who are refused together don't come back together. */
const overloaded = () =>
  new Problem({
    status: 503,
    title: 'Overloaded',
    detail: 'The service has as much to do as it can do in good time; try again in a few seconds.',
    headers: { 'Retry-After': String(1 + Math.floor(Math.random() * 3)) },
  });

function measure(limit: AdaptiveLimit) {
  const meter = metrics.getMeter('atlas.http');
  meter
    .createObservableGauge('atlas.http.limit', { description: 'Requests at a time that are taken in' })
    .addCallback((result) => result.observe(limit.limit));
  meter
    .createObservableGauge('atlas.http.in_flight', { description: 'Requests that are being worked on' })
    .addCallback((result) => result.observe(limit.inFlight));
  return meter.createCounter('atlas.http.shed', { description: 'Requests that were refused for overload' });
}
