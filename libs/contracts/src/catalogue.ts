import { catalogueOf, topicOf } from '@atlas/events';
import * as inventory from './inventory';
import * as orders from './orders';
import * as payments from './payments';

const PARTITIONS = 6;

/** Every event of the shop, and one topic per context. */
export const catalogue = catalogueOf({
  contracts: [...Object.values(orders), ...Object.values(inventory), ...Object.values(payments)],
  topics: ['orders', 'inventory', 'payments'].map((owner) => ({
    name: topicOf(owner),
    partitions: PARTITIONS,
  })),
});
