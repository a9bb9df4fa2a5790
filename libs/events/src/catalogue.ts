import { type DecodeEvent, decoderOf } from './codec';
import type { EventContract } from './event-contract';
import { topicOf, type TopicSpec } from './topics';

/** The published language: the newest contract of every event, and the topics that carry the events. */
export interface EventLanguage {
  /** The newest version of each event; older versions are linked through `previous`. */
  readonly contracts: readonly EventContract[];
  readonly topics: readonly TopicSpec[];
}

/** A published language, ready to use. Services pass it in, so that the platform stays independent of any business. */
export interface EventCatalogue extends EventLanguage {
  readonly decode: DecodeEvent;
  /** The topics that carry these event types. @throws Error if a type has no contract. */
  topicsOf(types: Iterable<string>): readonly TopicSpec[];
}

/** @throws Error if two contracts have the same type, or the owner of an event has no topic. */
export function catalogueOf({ contracts, topics }: EventLanguage): EventCatalogue {
  const topicOfType = new Map<string, TopicSpec>();
  for (const { type, owner } of contracts) {
    const topic = topics.find(({ name }) => name === topicOf(owner));
    if (!topic) throw new Error(`${type} can't be published: the catalogue has no topic "${topicOf(owner)}"`);
    topicOfType.set(type, topic);
  }
  return {
    contracts,
    topics,
    decode: decoderOf(contracts),
    topicsOf: (types) => {
      const found = [...types].map((type) => {
        const topic = topicOfType.get(type);
        if (!topic) throw new Error(`The catalogue has no contract for the type "${type}"`);
        return topic;
      });
      return [...new Set(found)];
    },
  };
}
