export {
  aggregateStoreContract,
  Loan,
  type LoanEvent,
  type LoansUnderTest,
  publishedLoan,
} from './aggregate-store.contract';
export { clockContract, idGeneratorContract, randomContract } from './application-ports.contract';
export { eventLogContract, type EventLogUnderTest } from './event-log.contract';
export { type Backbone, backboneContract, type BackboneFixture } from './backbone.contract';
export { FixedClock } from './fixed-clock';
export { SeededRandom } from './seeded-random';
export { SequentialIds } from './sequential-ids';
export { BookLent, BookReturned, CopyShelved, lendingCatalogue, LoanRenewed } from './lending';
export { eventually } from './eventually';
export { freePort } from './free-port';
export * from './memory';
export { createTestDatabase, type TestDatabase } from './postgres';
export { type MetricFamily, type MetricSample, parsePrometheusText } from './prometheus-text';
export { publish, recordOf } from './publish';
export { sharedContainer } from './shared-container';
