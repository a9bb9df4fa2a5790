export { IdempotencyInterceptor } from './idempotency.interceptor';
export { Idempotent } from './idempotent';
