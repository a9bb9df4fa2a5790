import type { EventContract } from './event-contract';
import * as inventory from './inventory';
import * as orders from './orders';
import * as payments from './payments';

/** Every event of the platform, in every version that can still be read. */
export const contracts: readonly EventContract[] = [
  ...Object.values(orders),
  ...Object.values(inventory),
  ...Object.values(payments),
];
