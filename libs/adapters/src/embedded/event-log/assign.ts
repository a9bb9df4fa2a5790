export interface AssignablePartition {
  readonly id: number;
  readonly topic: string;
  /** The member that holds it at present. */
  readonly owner: number | null;
}

export interface AssignableMember {
  readonly id: number;
  readonly topics: readonly string[];
}

/**
 * Shares a group's partitions among its members: evenly (members with the same topics differ by one at most), and
 * with as few moves as that allows. It depends on nothing but its arguments, so every member that computes it under
 * the group's lock gets the same plan, and carrying it out step by step leads to a state that it leaves alone.
 * @returns which member each partition should go to; a partition whose topic nobody reads is not in it.
 */
export function assign(
  partitions: readonly AssignablePartition[],
  members: readonly AssignableMember[],
): ReadonlyMap<number, number> {
  const byId = new Map(members.map((member) => [member.id, member]));
  const readable = partitions
    .filter(({ topic }) => members.some((member) => member.topics.includes(topic)))
    .sort((a, b) => a.id - b.id);
  const share = Math.floor(readable.length / members.length);
  let larger = readable.length % members.length;

  const plan = new Map<number, number>();
  const load = new Map(members.map((member) => [member.id, 0]));
  const give = (partition: AssignablePartition, member: number) => {
    plan.set(partition.id, member);
    load.set(member, (load.get(member) ?? 0) + 1);
  };

  for (const partition of readable) {
    const owner = partition.owner === null ? undefined : byId.get(partition.owner);
    if (!owner?.topics.includes(partition.topic)) continue;
    const kept = load.get(owner.id) ?? 0;
    if (kept < share) give(partition, owner.id);
    else if (kept === share && larger > 0) {
      larger -= 1;
      give(partition, owner.id);
    }
  }
  for (const partition of readable) {
    if (plan.has(partition.id)) continue;
    const [least] = members
      .filter((member) => member.topics.includes(partition.topic))
      .sort((a, b) => (load.get(a.id) ?? 0) - (load.get(b.id) ?? 0) || a.id - b.id);
    if (least) give(partition, least.id);
  }
  return plan;
}
