export { contracts } from './catalogue';
export {
  dataSchemaUri,
  type DecodeEvent,
  decodeEvent,
  decoderOf,
  type EncodedEvent,
  encodeEvent,
  type ReceivedRecord,
  type UndecodableEvent,
} from './codec';
export {
  defineEvent,
  type EventContract,
  type EventEnvelope,
  type EventOf,
  type NewEvent,
  upcastFrom,
  versionsOf,
} from './event-contract';
export * from './inventory';
export * from './orders';
export * from './payments';
export { topicOf, topics, type TopicSpec } from './topics';
