import { type ArgumentMetadata, Injectable, StandardSchemaValidationPipe } from '@nestjs/common';
import { invalidRequest, pointerTo, type ProblemField } from './problem-details';

type Issues = readonly {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}[];

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
      const errors = error.issues.map((issue) => fieldOf(issue, metadata));
      throw invalidRequest(PLACES[metadata.type], errors);
    }
  }
}

const PLACES = { body: 'body', query: 'query', param: 'path', custom: 'content' } as const;

function fieldOf({ message, path = [] }: Issues[number], { type, data }: ArgumentMetadata): ProblemField {
  const segments = path.map((segment) => (typeof segment === 'object' ? segment.key : segment));
  const pointer = pointerTo([...(data ? [data] : []), ...segments]);
  if (type === 'query') return { in: 'query', pointer, detail: message };
  if (type === 'param') return { in: 'path', pointer, detail: message };
  return { pointer, detail: message };
}
