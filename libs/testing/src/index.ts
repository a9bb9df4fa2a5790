export { eventLogContract, type EventLogUnderTest } from './event-log.contract';
export { type Backbone, backboneContract, type BackboneFixture } from './backbone.contract';
export { SeededRandom } from './seeded-random';
export { eventually } from './eventually';
export { freePort } from './free-port';
export * from './memory';
export { createTestDatabase, type TestDatabase } from './postgres';
export { type MetricFamily, type MetricSample, parsePrometheusText } from './prometheus-text';
export { publish, recordOf } from './publish';
