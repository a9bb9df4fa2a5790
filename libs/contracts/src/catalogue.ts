import type { EventContract } from './event-contract';
import * as inventory from './inventory';
import * as orders from './orders';
import * as payments from './payments';

/** Every event of the platform, by its newest contract; the older ones hang on it as `previous`. */
export const contracts: readonly EventContract[] = [
  ...Object.values(orders),
  ...Object.values(inventory),
  ...Object.values(payments),
];
