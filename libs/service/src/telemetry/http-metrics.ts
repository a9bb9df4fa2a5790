import type { ServerResponse } from 'node:http';
import { type Attributes, metrics } from '@opentelemetry/api';
import type { FastifyInstance, FastifyRequest } from 'fastify';

/** The methods in OpenTelemetry's conventions; a client can invent any others. */
const METHODS = new Set('CONNECT DELETE GET HEAD OPTIONS PATCH POST PUT QUERY TRACE'.split(' '));
const BUCKETS_S = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];

/** Times every request until its response ends or its client disconnects. */
export function measureRequests(fastify: FastifyInstance): void {
  const duration = metrics.getMeter('atlas.http').createHistogram('http.server.request.duration', {
    unit: 's',
    description: 'Requests, by route, method and status',
    advice: { explicitBucketBoundaries: BUCKETS_S },
  });
  fastify.addHook('onRequest', (request, { raw }, done) => {
    const begunAt = performance.now();
    raw.once('close', () =>
      duration.record((performance.now() - begunAt) / 1_000, attributesOf(request, raw)),
    );
    done();
  });
}

/** Follows the semantic conventions. Never uses the URL in place of the route, or every client could add series. */
function attributesOf(request: FastifyRequest, response: ServerResponse): Attributes {
  const { method } = request;
  const attributes: Attributes = {
    'http.request.method': METHODS.has(method) ? method : '_OTHER',
    'url.scheme': request.protocol,
  };
  const route = request.is404 ? undefined : request.routeOptions.url;
  if (route !== undefined) attributes['http.route'] = route;
  if (response.headersSent) attributes['http.response.status_code'] = response.statusCode;
  if (!response.writableFinished) attributes['error.type'] = 'aborted';
  else if (response.statusCode >= 500) attributes['error.type'] = String(response.statusCode);
  return attributes;
}
