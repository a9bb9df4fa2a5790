export { type Change, changed, unchanged } from './aggregate';
export { Money } from './money';
export { err, ok, type Result } from './result';
export { assertQuantity, MAX_LINES, MAX_QUANTITY, SKU_PATTERN } from './sku';
