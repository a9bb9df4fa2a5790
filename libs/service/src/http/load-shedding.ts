import { metrics } from '@opentelemetry/api';
import { AdaptiveLimit } from '@atlas/resilience';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { ConfigError, type ServiceSettings } from '../config';
import { Problem } from './problem-details';
import { sendProblem } from './problem.filter';

/** Health and metrics must be readable under overload, too. */
const NEVER_SHED = /^\/(?:health|metrics)(?:[/?]|$)/;

export type LimitSettings = Pick<
  ServiceSettings,
  'HTTP_LOAD_SHEDDING' | 'HTTP_LATENCY_TARGET_MS' | 'HTTP_MIN_IN_FLIGHT' | 'HTTP_MAX_IN_FLIGHT'
>;

/** Does nothing unless the settings turn it on. @throws ConfigError if the bounds contradict each other. */
export function shedLoadAsSet(fastify: FastifyInstance, settings: Partial<LimitSettings>): void {
  const {
    HTTP_LOAD_SHEDDING: shedding = 'off',
    HTTP_LATENCY_TARGET_MS: targetMs = Infinity,
    HTTP_MIN_IN_FLIGHT: min = 1,
    HTTP_MAX_IN_FLIGHT: max = Infinity,
  } = settings;
  if (min > max) {
    throw new ConfigError(
      `HTTP_MIN_IN_FLIGHT (${min}) exceeds HTTP_MAX_IN_FLIGHT (${max}): lower the first or raise the second.`,
    );
  }
  if (shedding === 'on') shedLoad(fastify, new AdaptiveLimit({ min, max, targetMs }));
}

/**
 * Refuses requests beyond the limit at once, so that accepted ones keep their latency: the longer a request waits in a
 * queue, the likelier its client has given up before the response (AWS Builders' Library, "Using load shedding to avoid
 * overload").
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
    // Work continues after its client disconnects, so it counts until both the response and the connection have ended.
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

/** `Retry-After` is random, 1 to 3 s, so that clients refused together don't return together. */
const overloaded = () =>
  new Problem({
    status: 503,
    title: 'Overloaded',
    detail: 'The service is overloaded; try again in a few seconds.',
    headers: { 'Retry-After': String(1 + Math.floor(Math.random() * 3)) },
  });

function measure(limit: AdaptiveLimit) {
  const meter = metrics.getMeter('atlas.http');
  meter
    .createObservableGauge('atlas.http.limit', { description: 'Limit of concurrent requests' })
    .addCallback((result) => result.observe(limit.limit));
  meter
    .createObservableGauge('atlas.http.in_flight', { description: 'Requests in progress' })
    .addCallback((result) => result.observe(limit.inFlight));
  return meter.createCounter('atlas.http.shed', { description: 'Requests refused because of overload' });
}
