import type { ObservableLog } from '../ports';

export interface ConsumerLag {
  readonly group: string;
  readonly partition: number;
  /** Records that the group hasn't committed yet. */
  readonly records: number;
}

/** How far each consumer group is behind the relay's topic. */
export class ListConsumerLags {
  constructor(
    private readonly log: ObservableLog,
    private readonly topic: string,
    /** The groups that consume the topic. */
    private readonly groups: readonly string[],
  ) {}

  async execute(): Promise<readonly ConsumerLag[]> {
    const [partitions, offsets] = await Promise.all([
      this.log.describe([this.topic]),
      this.log.groupOffsets(this.groups),
    ]);
    const ends = new Map(partitions.map(({ partition, end }) => [partition, end]));
    return offsets
      .filter((offset) => offset.topic === this.topic)
      .map(({ group, partition, committed }) => ({
        group,
        partition,
        // Read separately, so a group can be ahead of an end that was read before it.
        records: Math.max(0, (ends.get(partition) ?? 0) - committed),
      }));
  }
}
