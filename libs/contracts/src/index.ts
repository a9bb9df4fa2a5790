export { catalogue } from './catalogue';
export { orderId, skuCode } from './fields';
export { FIGURES } from './figures';
export * from './language';
export { MAX_LINES, MAX_QUANTITY, SKU_PATTERN } from './limits';
