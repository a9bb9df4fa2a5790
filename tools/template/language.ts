// Stands for @atlas/contracts, which knows the contexts of apps/ only. A generated file imports that instead.
import { catalogueOf, defineEvent, topicOf } from '@atlas/events';
import { z } from 'zod';
import * as own from './contract';

export * from './contract';

/** An event of another context, for the consumer. */
export const GuestArrived = defineEvent({
  type: 'front-desk.guest-arrived',
  version: 1,
  owner: 'front-desk',
  aggregate: 'guest',
  data: z.object({ guestId: z.uuid() }),
  examples: [{ guestId: '01890f3e-7b0a-7cc0-98c5-dbe7c54f2a10' }],
});

export const catalogue = catalogueOf({
  contracts: [...Object.values(own), GuestArrived],
  topics: ['help-desk', 'front-desk'].map((owner) => ({ name: topicOf(owner), partitions: 6 })),
});
