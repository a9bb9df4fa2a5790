import { applyDecorators, UseInterceptors } from '@nestjs/common';
import { ApiHeader } from '@nestjs/swagger';
import { IDEMPOTENCY_KEY, IdempotencyInterceptor, MAX_KEY_LENGTH } from './idempotency.interceptor';

/**
 * Makes a write route safe to send again: it takes an `Idempotency-Key`, runs in one unit of work, and gives its
 * first answer again to the same request (IETF draft-ietf-httpapi-idempotency-key-header).
 */
export const Idempotent = (): MethodDecorator =>
  applyDecorators(
    UseInterceptors(IdempotencyInterceptor),
    ApiHeader({
      name: IDEMPOTENCY_KEY,
      required: true,
      description:
        'Names this one write; send the same again to repeat it safely. A UUID does well. Kept for 24 hours.',
      schema: { type: 'string', minLength: 1, maxLength: MAX_KEY_LENGTH, pattern: '^[\\x21-\\x7E]+$' },
    }),
  );
