export { contracts } from './catalogue';
export { decodeEvent, encodeEvent, type EncodedEvent, type UndecodableEvent } from './codec';
export { type EventContract, type EventEnvelope, type EventOf, type NewEvent } from './event-contract';
export * from './inventory';
export * from './orders';
export * from './payments';
export { topicOf, topics, type TopicSpec } from './topics';
