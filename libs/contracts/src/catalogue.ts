import type { EventContract, EventOf } from './event-contract';
import * as inventory from './inventory';
import * as orders from './orders';
import * as payments from './payments';

/** Every event of the platform, in every version that can still be read. */
export const contracts: readonly EventContract[] = [
  ...Object.values(orders),
  ...Object.values(inventory),
  ...Object.values(payments),
];

type Contracts = typeof inventory & typeof orders & typeof payments;

/** The envelope of each type, to type handlers: `@EventPattern<EventsByType>(OrderPlaced.type)`. */
export type EventsByType = {
  [Name in keyof Contracts as Contracts[Name]['type']]: EventOf<Contracts[Name]>;
};
