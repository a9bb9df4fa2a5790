import { catalogueOf, topicOf } from '@atlas/events';
import * as language from './language';

const PARTITIONS = 6;

const contracts = Object.values(language);

/** Every event, and one topic per context. */
export const catalogue = catalogueOf({
  contracts,
  topics: Array.from(new Set(contracts.map(({ owner }) => owner)), (owner) => ({
    name: topicOf(owner),
    partitions: PARTITIONS,
  })),
});
