/** Where a group goes on in a partition: the offset of the next record. */
export interface Position {
  readonly topic: string;
  readonly partition: number;
  readonly offset: string;
}

/**
 * Stores how far a member has come while it handles on. One request is on its way at a time; what is added meanwhile
 * goes with the next, of each partition the last alone. So a later position is never overtaken by an earlier one, and
 * no batch waits for the broker's answer about another.
 */
export class OffsetCommits {
  private waiting = new Map<string, Position>();
  private running: Promise<void> | undefined;

  /** @param store rejects only if it makes no sense to try on; what waits is dropped then. */
  constructor(private readonly store: (positions: readonly Position[]) => Promise<void>) {}

  add(position: Position): void {
    this.waiting.set(`${position.topic}/${position.partition}`, position);
    this.running ??= this.run().finally(() => (this.running = undefined));
  }

  /** Resolves when all that was added is stored, or dropped. */
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
