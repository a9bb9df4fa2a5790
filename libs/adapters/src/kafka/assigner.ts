import { AssignerProtocol, type PartitionAssigner } from 'kafkajs';

const VERSION = 1;
const NO_DATA = Buffer.alloc(0);

/**
 * Assigns partitions evenly, each topic among the members that subscribe to it. (kafkajs's own assigner ignores
 * subscriptions, which differ while a new version of a service that reads another topic is rolled out.)
 */
export const evenAssigner: PartitionAssigner = ({ cluster }) => ({
  name: 'EvenAssigner',
  version: VERSION,

  protocol: ({ topics }) => ({
    name: 'EvenAssigner',
    metadata: AssignerProtocol.MemberMetadata.encode({ version: VERSION, topics, userData: NO_DATA }),
  }),

  async assign({ members }) {
    const shares = members
      .map(({ memberId, memberMetadata }) => ({
        memberId,
        topics: AssignerProtocol.MemberMetadata.decode(memberMetadata)?.topics ?? [],
        assignment: new Map<string, number[]>(),
        size: 0,
      }))
      .sort((a, b) => (a.memberId < b.memberId ? -1 : 1));
    const topics = [...new Set(shares.flatMap((share) => share.topics))].sort();
    await cluster.addMultipleTargetTopics(topics);
    for (const topic of topics) {
      const readers = shares.filter((share) => share.topics.includes(topic));
      const partitions = cluster.findTopicPartitionMetadata(topic).map(({ partitionId }) => partitionId);
      for (const partition of partitions.sort((a, b) => a - b)) {
        const least = readers.reduce((a, b) => (b.size < a.size ? b : a));
        least.assignment.set(topic, [...(least.assignment.get(topic) ?? []), partition]);
        least.size += 1;
      }
    }
    return shares.map(({ memberId, assignment }) => ({
      memberId,
      memberAssignment: AssignerProtocol.MemberAssignment.encode({
        version: VERSION,
        assignment: Object.fromEntries(assignment),
        userData: NO_DATA,
      }),
    }));
  },
});
