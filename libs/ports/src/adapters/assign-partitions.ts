export interface AssignablePartition {
  readonly id: number;
  readonly topic: string;
  /** The member that currently holds it. */
  readonly owner: number | null;
}

export interface AssignableMember {
  readonly id: number;
  readonly topics: readonly string[];
}

/**
 * Assigns a group's partitions to its members evenly (members with the same topics differ by at most one) and with as
 * few moves as that allows. A pure function, so every member that computes it under the group's lock gets the same
 * plan.
 * @returns the member of each partition; partitions whose topic has no reader are omitted.
 */
export function assignPartitions(
  partitions: readonly AssignablePartition[],
  members: readonly AssignableMember[],
): ReadonlyMap<number, number> {
  const readable = [...partitions].sort((a, b) => a.id - b.id);
  const plan = new Map<number, number>();
  const load = new Map(members.map((member) => [member.id, 0]));
  const loadOf = (member: number | undefined) => (member === undefined ? 0 : (load.get(member) ?? 0));
  const give = (partition: AssignablePartition, member: number) => {
    const former = plan.get(partition.id);
    if (former !== undefined) load.set(former, loadOf(former) - 1);
    plan.set(partition.id, member);
    load.set(member, loadOf(member) + 1);
  };
  const leastLoadedReader = ({ topic }: AssignablePartition): number | undefined =>
    members
      .filter((member) => member.topics.includes(topic))
      .map(({ id }) => id)
      .sort((a, b) => loadOf(a) - loadOf(b) || a - b)[0];

  for (const partition of readable) {
    const owner = members.find(({ id }) => id === partition.owner);
    if (owner?.topics.includes(partition.topic)) give(partition, owner.id);
  }
  for (const partition of readable) {
    const reader = plan.has(partition.id) ? undefined : leastLoadedReader(partition);
    if (reader !== undefined) give(partition, reader);
  }
  // Each move evens out the loads, so this terminates, and a plan that was carried out needs no further moves.
  for (;;) {
    const [move] = readable
      .map((partition) => ({ partition, from: plan.get(partition.id), to: leastLoadedReader(partition) }))
      .filter(({ from, to }) => from !== undefined && loadOf(from) - loadOf(to) >= 2)
      .sort((a, b) => loadOf(b.from) - loadOf(a.from));
    if (move?.to === undefined) return plan;
    give(move.partition, move.to);
  }
}
