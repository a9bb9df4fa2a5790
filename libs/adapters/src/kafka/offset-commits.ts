/** A group's position in a partition: the offset of the next record. */
export interface GroupPosition {
  readonly topic: string;
  readonly partition: number;
  readonly offset: string;
}

const RETRY_MS = 1_000;

/**
 * Commits a member's offsets while it handles further batches. One request is in flight at a time; offsets added
 * meanwhile go with the next, only the last of each partition. So an earlier offset never overwrites a later one, and
 * no batch waits for the broker's answer to another's commit.
 */
export class OffsetCommits {
  private waiting = new Map<string, GroupPosition>();
  private running: Promise<void> | undefined;
  private retry: NodeJS.Timeout | undefined;
  /** Counts the calls of {@link forget}. */
  private generation = 0;

  /** @param store if it rejects, it is tried again a second later, or with the next offset. */
  constructor(private readonly store: (positions: readonly GroupPosition[]) => Promise<void>) {}

  add(position: GroupPosition): void {
    this.waiting.set(nameOf(position), position);
    this.start();
  }

  /** Resolves when all added offsets are stored, or one request has failed. */
  async done(): Promise<void> {
    while (this.running) await this.running;
  }

  /** Drops what isn't stored yet: the partitions may belong to another member now. */
  forget(): void {
    this.generation += 1;
    clearTimeout(this.retry);
    this.waiting.clear();
  }

  private start(): void {
    clearTimeout(this.retry);
    if (this.waiting.size > 0) this.running ??= this.run();
  }

  private async run(): Promise<void> {
    // Synchronous from the last check to the end, so that no offset is added between the two and then left.
    while (this.waiting.size > 0) {
      const { waiting: positions, generation } = this;
      this.waiting = new Map();
      const failed = await this.store([...positions.values()]).then(
        () => false,
        () => true,
      );
      if (!failed || generation !== this.generation) continue;
      this.waiting = new Map([...positions, ...this.waiting]);
      this.retry = setTimeout(() => this.start(), RETRY_MS).unref();
      break;
    }
    this.running = undefined;
  }
}

const nameOf = ({ topic, partition }: GroupPosition): string => `${topic}/${partition}`;
