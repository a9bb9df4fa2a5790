import { AssignerProtocol, type PartitionAssigner } from 'kafkajs';
import { assignPartitions } from '@atlas/ports/adapters';

const VERSION = 1;
const NO_DATA = Buffer.alloc(0);

/**
 * Assigns partitions evenly, each topic among the members that subscribe to it, and leaves them where they are as far as
 * that allows. (kafkajs's own assigner reshuffles them, and ignores subscriptions, which differ while a new version of a
 * service that reads another topic is rolled out.)
 * @param owned what this member had last, as `topic/partition`, for it to claim when it joins.
 */
export const evenAssigner =
  (owned: () => readonly string[]): PartitionAssigner =>
  ({ cluster }) => ({
    name: 'EvenAssigner',
    version: VERSION,

    protocol: ({ topics }) => ({
      name: 'EvenAssigner',
      metadata: AssignerProtocol.MemberMetadata.encode({
        version: VERSION,
        topics,
        userData: Buffer.from(JSON.stringify(owned())),
      }),
    }),

    async assign({ members }) {
      const claims = members
        .map(({ memberId, memberMetadata }) => {
          const metadata = AssignerProtocol.MemberMetadata.decode(memberMetadata);
          return { memberId, topics: metadata?.topics ?? [], owned: claimed(metadata?.userData) };
        })
        .sort((a, b) => (a.memberId < b.memberId ? -1 : 1));
      const topics = [...new Set(claims.flatMap((claim) => claim.topics))].sort();
      await cluster.addMultipleTargetTopics(topics);
      const partitions = topics
        .flatMap((topic) =>
          cluster
            .findTopicPartitionMetadata(topic)
            .map(({ partitionId }) => ({ topic, partition: partitionId }))
            .sort((a, b) => a.partition - b.partition),
        )
        .map(({ topic, partition }, id) => {
          const owner = claims.findIndex((claim) => claim.owned.has(`${topic}/${partition}`));
          return { id, topic, partition, owner: owner < 0 ? null : owner };
        });
      const plan = assignPartitions(
        partitions,
        claims.map((claim, id) => ({ id, topics: claim.topics })),
      );
      return claims.map(({ memberId }, member) => {
        const assignment: Record<string, number[]> = {};
        for (const { id, topic, partition } of partitions) {
          if (plan.get(id) === member) (assignment[topic] ??= []).push(partition);
        }
        return {
          memberId,
          memberAssignment: AssignerProtocol.MemberAssignment.encode({
            version: VERSION,
            assignment,
            userData: NO_DATA,
          }),
        };
      });
    },
  });

/** Whatever another version of this program may have written there. */
function claimed(userData: Buffer | undefined): ReadonlySet<string> {
  try {
    const names: unknown = JSON.parse(userData?.toString() ?? '');
    return new Set(Array.isArray(names) ? names.filter((name) => typeof name === 'string') : []);
  } catch {
    return new Set();
  }
}
