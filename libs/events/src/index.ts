export { catalogueOf, type EventCatalogue, type EventLanguage } from './catalogue';
export {
  dataSchemaUri,
  type DecodeEvent,
  decoderOf,
  type EncodedEvent,
  encodeEvent,
  type EventAttributes,
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
export { topicOf, type TopicSpec } from './topics';
