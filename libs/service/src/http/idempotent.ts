import { applyDecorators, UseInterceptors } from '@nestjs/common';
import { ApiHeader } from '@nestjs/swagger';
import {
  afterValidation,
  IDEMPOTENCY_KEY,
  IdempotencyInterceptor,
  MAX_KEY_LENGTH,
} from './idempotency.interceptor';

const claimKeyAfterValidation: MethodDecorator = (_controller, _name, route: PropertyDescriptor) => {
  route.value = afterValidation(route.value as (...args: never[]) => unknown);
};

/**
 * Makes a write route safe to repeat: it takes an `Idempotency-Key`, runs in one unit of work, and gives the same
 * request its first answer again (IETF draft-ietf-httpapi-idempotency-key-header). A request that is invalid claims no
 * key.
 */
export const Idempotent = (): MethodDecorator =>
  applyDecorators(
    claimKeyAfterValidation,
    UseInterceptors(IdempotencyInterceptor),
    ApiHeader({
      name: IDEMPOTENCY_KEY,
      required: true,
      description:
        'Names this one write; repeat it safely with the same key. A UUID does well. Kept for 24 hours.',
      schema: { type: 'string', minLength: 1, maxLength: MAX_KEY_LENGTH, pattern: '^[\\x21-\\x7E]+$' },
    }),
  );
