import type { FastifyInstance } from 'fastify';
import type { ProcessMetrics } from './process-metrics';

export const METRICS_PATH = '/metrics';

/** Every Prometheus reads this format, whichever it prefers. */
const MEDIA_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/** Not a controller: it is not part of the API, so the API's guards, filters and limits don't apply. */
export function serveMetrics(fastify: FastifyInstance, metrics: ProcessMetrics): void {
  fastify.get(METRICS_PATH, async (_request, reply) => {
    const text = await metrics.read();
    return reply.type(MEDIA_TYPE).header('Cache-Control', 'no-store').send(text);
  });
  fastify.addHook('onClose', () => metrics.close());
}
