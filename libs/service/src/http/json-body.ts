import type { FastifyInstance } from 'fastify';
import { Problem } from './problem-details';

/** No request needs deeper JSON, and it costs more to process than to send. */
const MAX_DEPTH = 32;

/** Accepts only JSON bodies; drops keys that could poison a prototype and refuses deep nesting. */
export function acceptJsonOnly(fastify: FastifyInstance): void {
  const parse = fastify.getDefaultJsonParser('remove', 'remove');
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body: string, done) => {
    if (isDeeperThan(MAX_DEPTH, body)) {
      const detail = `The body is nested deeper than ${MAX_DEPTH} levels; flatten it.`;
      done(new Problem({ status: 400, title: 'Invalid JSON', detail }));
    } else {
      void parse(request, body, done);
    }
  });
}

function isDeeperThan(limit: number, json: string): boolean {
  let depth = 0;
  let inString = false;
  for (let index = 0; index < json.length; index += 1) {
    const char = json[index];
    if (inString) {
      if (char === '\\') index += 1;
      else if (char === '"') inString = false;
    } else if (char === '"') {
      inString = true;
    } else if (char === '{' || char === '[') {
      depth += 1;
      if (depth > limit) return true;
    } else if (char === '}' || char === ']') {
      depth -= 1;
    }
  }
  return false;
}
