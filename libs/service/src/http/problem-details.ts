import { HttpException } from '@nestjs/common';

/** One error in a request. */
export interface ProblemField {
  /** JSON Pointer (RFC 6901) to the field, in the body or in the place that `in` names. */
  readonly pointer: string;
  /** Where the field is, unless in the body. */
  readonly in?: 'query' | 'path';
  readonly detail: string;
}

/** The body of an error response, `application/problem+json` (RFC 9457). */
export interface ProblemDetails {
  /** The kind of problem; `about:blank` if the status says it all. */
  readonly type: string;
  readonly title: string;
  readonly status: number;
  /** A sentence that says what is wrong and how to fix it. */
  readonly detail?: string;
  readonly errors?: readonly ProblemField[];
}

export interface ProblemOptions extends Omit<ProblemDetails, 'type'> {
  /** Default: a URN made from the title, so that clients can tell problems apart without parsing sentences. */
  readonly type?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Throw it to answer a request with problem details. */
export class Problem extends HttpException {
  readonly headers: Readonly<Record<string, string>>;

  constructor({ title, type = urnOf(title), status, detail, errors, headers = {} }: ProblemOptions) {
    const body: ProblemDetails = { type, title, status, detail, errors };
    super(body, status);
    this.message = detail ?? title;
    this.headers = headers;
  }
}

/** More would not help, and the response would grow with the request. */
const MAX_ERRORS = 100;

/** For a request whose fields are wrong: 400 with the first hundred of them. */
export const invalidRequest = (where: string, errors: readonly ProblemField[]): Problem =>
  new Problem({
    status: 400,
    title: 'Invalid request',
    detail: `The request ${where} is invalid; see \`errors\`.`,
    errors: errors.slice(0, MAX_ERRORS),
  });

/** A JSON Pointer (RFC 6901). */
export const pointerTo = (segments: readonly PropertyKey[]): string =>
  segments.map((segment) => `/${String(segment).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');

const urnOf = (title: string) =>
  `urn:atlas:problem:${title
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '')}`;

/**
 * For what a request names and isn't there.
 * @param what a noun, such as `order`. @throws Problem with status 404.
 */
export function notFound(what: string, id: string, detail = `There is no ${what} ${id}.`): never {
  throw new Problem({ status: 404, title: `No such ${what}`, detail });
}
