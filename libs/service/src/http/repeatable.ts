import { ApiExtension } from '@nestjs/swagger';

/**
 * Declares that a POST is safe to repeat without an `Idempotency-Key`, and why: its effect depends on what it changes,
 * which can change that way only once.
 */
export const Repeatable = (because: string): MethodDecorator => ApiExtension('x-repeatable', because);
