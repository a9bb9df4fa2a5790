/** A group's position in a partition: the offset of the next record. */
export interface Position {
  readonly topic: string;
  readonly partition: number;
  readonly offset: string;
}

/**
 * Commits a member's offsets while it handles further batches. One request is in flight at a time; offsets added
 * meanwhile go with the next, only the last of each partition. So an earlier offset never overwrites a later one, and
 * no batch waits for the broker's answer to another's commit.
 */
export class OffsetCommits {
  private waiting = new Map<string, Position>();
  private running: Promise<void> | undefined;

  /** @param store rejects only if a retry is pointless; waiting offsets are then dropped. */
  constructor(private readonly store: (positions: readonly Position[]) => Promise<void>) {}

  add(position: Position): void {
    this.waiting.set(`${position.topic}/${position.partition}`, position);
    this.running ??= this.run().finally(() => (this.running = undefined));
  }

  /** Resolves when all added offsets are stored or dropped. */
  async done(): Promise<void> {
    while (this.running) await this.running;
  }

  private async run(): Promise<void> {
    while (this.waiting.size > 0) {
      const positions = [...this.waiting.values()];
      this.waiting.clear();
      try {
        await this.store(positions);
      } catch {
        this.waiting.clear();
      }
    }
  }
}
