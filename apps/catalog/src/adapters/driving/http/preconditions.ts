import { applyDecorators } from '@nestjs/common';
import { ApiHeader } from '@nestjs/swagger';
import { Problem } from '@atlas/service';
import type { Expectation } from '../../../domain/expectation';

/** As Fastify names them. */
export type RequestHeaders = Readonly<Record<string, string | undefined>>;

/** A version as an entity tag (RFC 9110). */
export const etagOf = ({ version }: { readonly version: number }): string => `"${version}"`;

/** Documents the headers of a write that must say on which version it is based. */
export const ApiPreconditions = (): MethodDecorator =>
  applyDecorators(
    ApiHeader({
      name: 'If-Match',
      required: false,
      description: 'The ETag on which this change is based; `*` for any. Needed to change what exists.',
      schema: { type: 'string', examples: ['"3"', '*'] },
    }),
    ApiHeader({
      name: 'If-None-Match',
      required: false,
      description: '`*`: creates, and changes nothing that exists.',
      schema: { type: 'string', enum: ['*'] },
    }),
  );

/** What a write expects to find. @throws Problem 428 if it doesn't say, 400 if it says something else. */
export function expectationIn(headers: RequestHeaders): Expectation {
  const { 'if-match': match, 'if-none-match': noneMatch } = headers;
  if (match !== undefined && noneMatch !== undefined) {
    throw invalid('Send If-Match to change something or If-None-Match to create it, not both.');
  }
  if (noneMatch !== undefined) {
    if (noneMatch.trim() === '*') return 'nothing';
    throw invalid('A write takes no If-None-Match but *, which creates and changes nothing that exists.');
  }
  if (match === undefined) {
    throw new Problem({
      status: 428,
      title: 'Precondition required',
      detail:
        'Say what this change is based on: If-Match with the ETag that was read, or If-None-Match: * to create.',
    });
  }
  return match.trim() === '*' ? 'anything' : versionsIn(match);
}

/** Whether a reader has this version already (If-None-Match of a GET); one that sends nonsense gets it again. */
export const isKnown = (headers: RequestHeaders, current: { readonly version: number }): boolean =>
  (headers['if-none-match'] ?? '')
    .split(',')
    .some((tag) => tag.trim() === '*' || tag.trim().replace(/^W\//, '') === etagOf(current));

/** @throws Problem 412 that carries the current ETag. */
export function unexpected(what: string, found: { readonly version: number } | undefined): never {
  throw new Problem({
    status: 412,
    title: 'Precondition failed',
    detail: found
      ? `The ${what} is at ETag ${etagOf(found)} and not as this change expects it; read it, and base the change on that.`
      : `There is no such ${what}; create it with If-None-Match: *.`,
    headers: found ? { ETag: etagOf(found) } : {},
  });
}

/** The versions of a list of entity tags; a tag that is none of ours matches nothing. */
function versionsIn(header: string): readonly number[] {
  const tags = header.split(',').map((tag) => tag.trim());
  if (tags.length > 20 || !tags.every((tag) => /^(?:W\/)?"[\x21\x23-\x7e]{0,64}"$/.test(tag))) {
    throw invalid('If-Match takes up to 20 ETags as they were sent, with their quotes, such as "3"; or *.');
  }
  // A weak tag never matches (RFC 9110, 13.1.1).
  return tags.flatMap((tag) => (/^"[1-9]\d{0,9}"$/.test(tag) ? [Number(tag.slice(1, -1))] : []));
}

const invalid = (detail: string) => new Problem({ status: 400, title: 'Precondition invalid', detail });
