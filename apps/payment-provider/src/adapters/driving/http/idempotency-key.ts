import { ApiHeader } from '@nestjs/swagger';
import { Problem } from '@atlas/service';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import type { KeyedResult } from '../../../domain/charge';

/** As Fastify names it. */
export const KEY_HEADER = 'idempotency-key';

const idempotencyKey = z
  .string('This request needs the header Idempotency-Key; repeat it with the same key to repeat it safely')
  .regex(/^[\x21-\x7e]{1,255}$/, 'An Idempotency-Key has 1 to 255 visible ASCII characters, without spaces');

/** Documents the header. The platform's `@Idempotent()` forgets keys after a while; this provider never does. */
export const ApiIdempotencyKey = () =>
  ApiHeader({
    name: 'Idempotency-Key',
    required: true,
    description:
      'Identifies this one write. It is kept for ever with what it created: the same key creates nothing twice.',
    schema: { type: 'string', minLength: 1, maxLength: 255, pattern: '^[\\x21-\\x7E]+$' },
  });

/** Validates the header, because Nest validates none. @throws Problem 400. */
export function keyOf(header: string | undefined): string {
  const key = idempotencyKey.safeParse(header);
  if (key.success) return key.data;
  const title = header ? 'Idempotency-Key invalid' : 'Idempotency-Key missing';
  throw new Problem({ status: 400, title, detail: `${key.error.issues[0]?.message}.` });
}

/** What the request created, now or when it came first. @throws Problem 409 or 422 if it did not. */
export function createdBy<Created>(result: KeyedResult<Created>, reply: FastifyReply): Created {
  switch (result.kind) {
    case 'created':
      return result.value;
    case 'replayed':
      void reply.header('Idempotency-Replayed', 'true');
      return result.value;
    case 'key-reused':
      throw new Problem({
        status: 422,
        title: 'Idempotency-Key used for another request',
        detail: 'This Idempotency-Key was used for another request; send this one with a new key.',
      });
    case 'in-progress':
      throw new Problem({
        status: 409,
        title: 'Request in progress',
        detail: 'A request with this Idempotency-Key is in progress; send it again in a moment.',
        headers: { 'Retry-After': '1' },
      });
  }
}
