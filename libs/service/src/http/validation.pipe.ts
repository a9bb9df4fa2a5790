import { type ArgumentMetadata, Injectable, StandardSchemaValidationPipe } from '@nestjs/common';
import { Problem, type ProblemField } from './problem-details';

type Issues = readonly {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}[];

/** More would not help, and the response would grow with the request. */
const MAX_ERRORS = 100;

class InvalidInput extends Error {
  constructor(readonly issues: Issues) {
    super('invalid input');
  }
}

/**
 * Validates each handler argument against the schema of its parameter (`@Body({ schema })`) and passes on the parsed
 * value. An invalid one is answered with 400 and a pointer to each wrong field.
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
        detail: `The request ${PLACES[metadata.type]} is invalid; see \`errors\`.`,
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
