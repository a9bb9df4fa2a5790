import type { FastifyInstance } from 'fastify';
import type { ProcessMetrics } from './process-metrics';

export const METRICS_PATH = '/metrics';

/** What every Prometheus reads, whichever formats it would like better. */
const MEDIA_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/** Not a controller: it is not part of the API, and no guard, filter or limit of that applies. */
export function serveMetrics(fastify: FastifyInstance, metrics: ProcessMetrics): void {
  fastify.get(METRICS_PATH, async (_request, reply) => {
    const text = await metrics.read();
    return reply.type(MEDIA_TYPE).header('Cache-Control', 'no-store').send(text);
  });
  fastify.addHook('onClose', () => metrics.close());
}
