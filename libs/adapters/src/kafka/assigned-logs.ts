import type { Broker, Cluster } from 'kafkajs';
import type { FetchedRecord, FetchResponse } from './read-committed';
import { PinnedTopic, topicIds } from './topic-ids';

/** As kafkajs's protocol errors, of which it recovers from this type by joining the group again. */
class TopicReplaced extends Error {
  readonly type = 'UNKNOWN_TOPIC_OR_PARTITION';
}

/**
 * The topics, by id, that a group member reads from one join to the next: it asks for the ids when kafkajs asks where to
 * start, and fetches by id. So no record of a topic that was made anew is taken for one of its predecessor, and the
 * member joins again.
 */
export class AssignedLogs {
  private readonly ids = new Map<string, string>();
  private readonly fetched = new WeakMap<readonly FetchedRecord[], string>();

  /** Makes the requests of the cluster's brokers keep to these topics. */
  follow(cluster: Cluster): Cluster {
    const findBroker = cluster.findBroker.bind(cluster);
    const known = new WeakSet<Broker>();
    cluster.findBroker = async (node) => {
      const broker = await findBroker(node);
      if (!known.has(broker)) {
        known.add(broker);
        this.wrap(broker, cluster);
      }
      return broker;
    };
    return cluster;
  }

  /** The member has joined: its topics may be others. */
  forget(): void {
    this.ids.clear();
  }

  /** The topic that these records were fetched from. */
  logOf(records: readonly FetchedRecord[]): string {
    return this.fetched.get(records) ?? '';
  }

  private wrap(broker: Broker, cluster: Cluster): void {
    const [offsetFetch, fetch] = [broker.offsetFetch.bind(broker), broker.fetch.bind(broker)];
    broker.offsetFetch = async (request) => {
      const topics = request.topics.map(({ topic }) => topic);
      for (const [topic, id] of await topicIds(cluster, topics)) {
        if ((this.ids.get(topic) ?? id) !== id) throw new TopicReplaced(`Topic "${topic}" was made anew`);
        this.ids.set(topic, id);
      }
      return offsetFetch(request);
    };
    broker.fetch = async (request) => {
      const topics = request.topics.map(({ topic, partitions }) => ({
        topic: this.pinned(topic),
        partitions,
      }));
      const response = (await fetch({ ...request, topics } as unknown as typeof request)) as FetchResponse;
      for (const { topicName, partitions } of response.responses) {
        const id = topics.find(({ topic }) => topic.name === topicName)?.topic.id ?? '';
        for (const { messages } of partitions) this.fetched.set(messages, id);
      }
      return response;
    };
  }

  private pinned(topic: string): PinnedTopic {
    const id = this.ids.get(topic);
    if (id === undefined) throw new TopicReplaced(`The id of topic "${topic}" is not known`);
    return new PinnedTopic(topic, id);
  }
}
