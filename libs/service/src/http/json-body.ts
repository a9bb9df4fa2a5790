import type { FastifyInstance } from 'fastify';
import { invalidRequest, Problem } from './problem-details';
import { wrongTexts } from './texts';

/** No request needs deeper JSON, and it costs more to process than to send. */
const MAX_DEPTH = 32;

/**
 * Accepts only uncompressed JSON in UTF-8. What could not be stored or passed on as it was sent is refused, never
 * dropped or replaced.
 */
export function acceptJsonOnly(fastify: FastifyInstance): void {
  const parse = fastify.getDefaultJsonParser('ignore', 'ignore');
  fastify.removeAllContentTypeParsers();
  fastify.addHook('onRequest', async ({ headers }) => {
    const encoding = headers['content-encoding'];
    if (encoding === undefined || encoding.toLowerCase() === 'identity') return;
    throw new Problem({
      status: 415,
      title: 'Unsupported content encoding',
      detail: 'The body must not be compressed; send it as it is, without the header Content-Encoding.',
      headers: { 'Accept-Encoding': 'identity' },
    });
  });
  fastify.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body: Buffer, done) => {
    const text = decodeUtf8(body);
    if (text === undefined) {
      done(invalidJson('The body is not valid UTF-8; encode it as UTF-8.'));
    } else if (isDeeperThan(MAX_DEPTH, text)) {
      done(invalidJson(`The body is nested deeper than ${MAX_DEPTH} levels; flatten it.`));
    } else {
      void parse(request, text, (error, value: unknown) => {
        const errors = error ? [] : wrongTexts(value);
        done(errors.length > 0 ? invalidRequest('body', errors) : error, value);
      });
    }
  });
}

const invalidJson = (detail: string) => new Problem({ status: 400, title: 'Invalid JSON', detail });

const utf8 = new TextDecoder('utf-8', { fatal: true });

function decodeUtf8(body: Buffer): string | undefined {
  try {
    return utf8.decode(body);
  } catch {
    return undefined;
  }
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
