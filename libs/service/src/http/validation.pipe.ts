import { type ArgumentMetadata, Injectable, StandardSchemaValidationPipe } from '@nestjs/common';
import { Problem, type ProblemField } from './problem-details';

type Issues = readonly {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}[];

/** More would help no one, and the answer would grow with the request. */
const MAX_ERRORS = 100;

class InvalidInput extends Error {
  constructor(readonly issues: Issues) {
    super('invalid input');
  }
}

/**
 * Checks what is given to a handler against the schema at its parameter (`@Body({ schema })`), hands over what the
 * schema makes of it, and answers 400 with a pointer to each wrong field otherwise.
 */
@Injectable()
export class ValidationPipe extends StandardSchemaValidationPipe {
  constructor() {
    super({ exceptionFactory: (issues) => new InvalidInput(issues) });
  }

  override async transform<T>(value: T, metadata: ArgumentMetadata): Promise<T> {
    try {
      return await super.transform(value, metadata);
    } catch (error) {
      if (!(error instanceof InvalidInput)) throw error;
      throw new Problem({
        status: 400,
        title: 'Invalid request',
        detail: `The ${PLACES[metadata.type]} of the request is not as it must be; "errors" says where.`,
        errors: error.issues.slice(0, MAX_ERRORS).map((issue) => fieldOf(issue, metadata)),
      });
    }
  }
}

const PLACES = { body: 'body', query: 'query', param: 'path', custom: 'content' } as const;

function fieldOf({ message, path = [] }: Issues[number], { type, data }: ArgumentMetadata): ProblemField {
  const segments = path.map((segment) => (typeof segment === 'object' ? segment.key : segment));
  const pointer = [...(data ? [data] : []), ...segments]
    .map((segment) => `/${String(segment).replaceAll('~', '~0').replaceAll('/', '~1')}`)
    .join('');
  if (type === 'query') return { in: 'query', pointer, detail: message };
  if (type === 'param') return { in: 'path', pointer, detail: message };
  return { pointer, detail: message };
}
