import type { Broker, Cluster } from 'kafkajs';
import { eachBroker } from './each-broker';
import type { FetchedRecord, FetchResponse } from './read-committed';
import { type Extent, extents } from './reader';
import { PinnedTopic } from './topic-ids';

/** As kafkajs's protocol errors: it recovers from this type by joining the group again. */
class TopicReplaced extends Error {
  readonly type = 'UNKNOWN_TOPIC_OR_PARTITION';
}

/** Where to start in these partitions. `committed` are the group's offsets, as far as it has any in the log. */
export type StartOffsets = (
  partitions: readonly Extent[],
  committed: () => Promise<readonly number[]>,
) => Promise<readonly number[]>;

/** What the broker returned for a partition. */
export interface Fetched {
  readonly topic: string;
  readonly partition: number;
  /** The offset that was asked for. */
  readonly from: number;
  /** If there were records, but none for consumers (markers, and those of aborted transactions): the offset after them. */
  readonly emptyTo: number | undefined;
}

/**
 * Changes what a group member's kafkajs client asks the brokers, from one join to the next.
 *
 * Where to start: kafkajs asks for the group's offsets after each join, and when an offset was not in the log; the
 * member answers instead.
 *
 * What to fetch: topics by the ids that they had at the join. So no record of a topic that was made anew is taken for
 * one of its predecessor; the broker refuses the fetch, and the member joins again.
 */
export class AssignedPartitions {
  private readonly ids = new Map<string, string>();
  private readonly fetched = new WeakMap<readonly FetchedRecord[], string>();
  private cluster: Cluster | undefined;
  /** Counts the joins. */
  private generation = 0;

  constructor(
    private readonly startOffsets: StartOffsets,
    /** Called before kafkajs sees it. */
    private readonly onFetched: (fetched: Fetched) => void,
  ) {}

  /** @param cluster which marks aborted records already. */
  follow(cluster: Cluster): Cluster {
    this.cluster = cluster;
    return eachBroker(cluster, (broker) => this.wrap(broker, cluster));
  }

  /** The member has joined: its topics may be others. */
  forget(): void {
    this.ids.clear();
    this.generation += 1;
  }

  /** The topic that these records were fetched from. */
  logOf(records: readonly FetchedRecord[]): string {
    return this.fetched.get(records) ?? '';
  }

  async describe(topic: string, partition: number): Promise<Extent | undefined> {
    const found = this.cluster ? await extents(this.cluster, [topic]) : [];
    return found.find((extent) => extent.partition === partition);
  }

  private wrap(broker: Broker, cluster: Cluster): void {
    const [offsetFetch, offsetCommit, fetch] = [
      broker.offsetFetch.bind(broker),
      broker.offsetCommit.bind(broker),
      broker.fetch.bind(broker),
    ];
    broker.offsetFetch = async (request) => {
      const wanted = request.topics.flatMap(({ topic, partitions }) =>
        partitions.map(({ partition }) => `${topic}/${partition}`),
      );
      const found = await extents(
        cluster,
        request.topics.map(({ topic }) => topic),
      );
      for (const { topic, log } of found) this.pin(topic, log);
      const asked = found.filter(({ topic, partition }) => wanted.includes(`${topic}/${partition}`));
      const starts = await this.startOffsets(asked, async () => {
        const { responses } = await offsetFetch(request);
        return asked.map((extent) => committedIn(extent, responses));
      });
      return {
        responses: request.topics.map(({ topic }) => ({
          topic,
          partitions: asked.flatMap((extent, index) =>
            extent.topic === topic ? [{ partition: extent.partition, offset: String(starts[index]) }] : [],
          ),
        })),
      };
    };
    // When an offset was not in the log, kafkajs commits "the oldest" before it asks where to start.
    broker.offsetCommit = async (request) => {
      if (request.topics.some(({ partitions }) => partitions.some(({ offset }) => Number(offset) < 0)))
        return;
      await offsetCommit(request);
    };
    broker.fetch = async (request) => {
      const topics = request.topics.map((each) => ({ ...each, topic: this.pinned(each.topic) }));
      const { generation } = this;
      const response = (await fetch({ ...request, topics } as unknown as typeof request)) as FetchResponse;
      // Meanwhile a fetch from another broker may have made the member join again.
      if (generation !== this.generation) return { ...response, responses: [] };
      for (const { topicName, partitions } of response.responses) {
        for (const { partition, messages } of partitions) {
          const asked = topics.filter(({ topic }) => topic.name === topicName);
          const from = asked
            .flatMap((each) => each.partitions)
            .find((each) => each.partition === partition)?.fetchOffset;
          this.fetched.set(messages, asked[0]?.topic.id ?? '');
          if (from === undefined) continue;
          const emptyTo = endIfEmpty(messages, Number(from));
          this.onFetched({ topic: topicName, partition, from: Number(from), emptyTo });
        }
      }
      return response;
    };
  }

  private pin(topic: string, id: string): void {
    if ((this.ids.get(topic) ?? id) !== id) throw new TopicReplaced(`Topic "${topic}" was made anew`);
    this.ids.set(topic, id);
  }

  private pinned(topic: string): PinnedTopic {
    const id = this.ids.get(topic);
    if (id === undefined) throw new TopicReplaced(`The id of topic "${topic}" is not known`);
    return new PinnedTopic(topic, id);
  }
}

function endIfEmpty(messages: readonly FetchedRecord[], from: number): number | undefined {
  const last = messages.at(-1);
  const isEmpty = messages.every(({ offset, isControlRecord }) => isControlRecord || Number(offset) < from);
  return last && isEmpty ? Number(last.offset) + 1 : undefined;
}

type Responses = Awaited<ReturnType<Broker['offsetFetch']>>['responses'];

/** Of a group that has no offset, or one that is not in the log, the oldest. */
function committedIn({ topic, partition, start, end }: Extent, responses: Responses): number {
  const found = responses.find((each) => each.topic === topic)?.partitions;
  const offset = Number(found?.find((each) => each.partition === partition)?.offset ?? -1);
  return offset < start || offset > end ? start : offset;
}
