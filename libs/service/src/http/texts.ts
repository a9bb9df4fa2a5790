import type { FastifyInstance } from 'fastify';
import { invalidRequest, pointerTo, Problem, type ProblemField } from './problem-details';

/** Refuses a path or a query with text that would not arrive as it was sent. */
export function refuseWrongTexts(fastify: FastifyInstance): void {
  fastify.addHook('onRequest', async ({ raw: { url = '' }, params, query }) => {
    // The framework leaves a query as it is if it can't decode it.
    if (!isEncoded(url.split('?').slice(1).join('?'))) {
      throw new Problem({
        status: 400,
        title: 'Invalid URL',
        detail: 'The query is not correctly percent-encoded; encode it as UTF-8 and resend the request.',
      });
    }
    for (const [where, texts] of Object.entries({ path: params, query })) {
      const errors = wrongTexts(texts);
      if (errors.length > 0) {
        throw invalidRequest(
          where,
          errors.map((error) => ({ in: where as 'path' | 'query', ...error })),
        );
      }
    }
  });
}

/**
 * What the database or an event could not hold, in the texts and names of a parsed value: half a surrogate pair is no
 * character, and UTF-8 would replace it; PostgreSQL has no U+0000. Also names that could poison a prototype.
 */
export function wrongTexts(value: unknown, path: readonly PropertyKey[] = []): ProblemField[] {
  if (typeof value === 'string') {
    const detail = wrong(value);
    return detail ? [{ pointer: pointerTo(path), detail }] : [];
  }
  if (value === null || typeof value !== 'object') return [];
  if (Array.isArray(value)) return value.flatMap((entry, index) => wrongTexts(entry, [...path, index]));
  return Object.entries(value).flatMap(([name, entry]) => {
    const detail = isPoison(name, entry) ? 'This name is not allowed; use another.' : wrong(name);
    return [
      ...(detail ? [{ pointer: pointerTo([...path, name]), detail }] : []),
      ...wrongTexts(entry, [...path, name]),
    ];
  });
}

const isPoison = (name: string, value: unknown): boolean =>
  name === '__proto__' ||
  (name === 'constructor' &&
    typeof value === 'object' &&
    value !== null &&
    Object.hasOwn(value, 'prototype'));

function wrong(text: string): string | undefined {
  if (!text.isWellFormed()) return 'It contains half of a surrogate pair, which is no character; remove it.';
  if (text.includes('\0')) return "It contains U+0000, which can't be stored; remove it.";
  return undefined;
}

function isEncoded(query: string): boolean {
  try {
    decodeURIComponent(query);
    return true;
  } catch {
    return false;
  }
}
