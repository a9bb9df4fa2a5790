export { type Change, changed, unchanged } from './aggregate';
export { Money } from './money';
export { err, ok, type Result } from './result';
export { shortened } from './shortened';
