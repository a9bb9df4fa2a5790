export { catalogue } from './catalogue';
export { orderId, skuCode } from './fields';
export { FIGURES } from './figures';
export * from './inventory';
export { MAX_LINES, MAX_QUANTITY, SKU_PATTERN } from './limits';
export * from './orders';
export * from './payments';
