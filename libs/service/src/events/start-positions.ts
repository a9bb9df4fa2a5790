import { Logger } from '@nestjs/common';
import type { PartitionDescription, Positions } from '@atlas/ports/adapters';
import { LogGapMetrics } from './consumer-metrics';

/** What a consumer does about records that the log no longer has: stand still, or continue at the oldest record. */
export type OnLogGap = 'stop' | 'continue';

/** A position that is not in its log: retention has overtaken the consumer, or the log has lost its end. */
interface LogGap {
  readonly partition: PartitionDescription;
  readonly position: number;
}

/** Tells a consumer's log where to start, and notices when the log no longer has what comes next. */
export class StartPositions {
  private readonly logger = new Logger(StartPositions.name);
  private readonly metrics: LogGapMetrics;
  /** By `topic/partition`: where this process last found one. */
  private readonly gaps = new Map<string, LogGap>();

  /** @param owned the partitions of this process, as `topic/partition`. */
  constructor(
    private readonly positions: Positions,
    private readonly consumer: string,
    private readonly onGap: OnLogGap,
    private readonly owned: () => readonly string[],
  ) {
    this.metrics = new LogGapMetrics(() => this.standingStill().length);
  }

  /** The offsets to start at; undefined for a partition that stands still. Usable as {@link Subscription.startAt}. */
  async startAt(partitions: readonly PartitionDescription[]): Promise<readonly (number | undefined)[]> {
    const positions = await this.positions.open(this.consumer, partitions);
    const starts: (number | undefined)[] = [];
    for (const [index, partition] of partitions.entries()) {
      starts.push(await this.checked(partition, positions[index] as number));
    }
    return starts;
  }

  /** The partitions of this process that stand still because of a gap. */
  standingStill(): readonly PartitionDescription[] {
    const owned = new Set(this.owned());
    return [...this.gaps]
      .filter(([name]) => this.onGap === 'stop' && owned.has(name))
      .map(([, { partition }]) => partition);
  }

  private async checked(partition: PartitionDescription, position: number): Promise<number | undefined> {
    const name = nameOf(partition);
    const { start, end } = partition;
    if (position >= start && position <= end) {
      if (this.gaps.delete(name) && this.onGap === 'stop') {
        this.logger.log(`"${this.consumer}" continues in ${name} at offset ${position}`);
      }
      return position;
    }
    if (this.gaps.get(name)?.position !== position) {
      this.gaps.set(name, { partition, position });
      this.metrics.found();
      this.logger.error(`${this.describe(partition, position)} ${this.consequence(partition)}`);
    }
    if (this.onGap === 'stop') return undefined;
    await this.positions.set(this.consumer, partition, start);
    return start;
  }

  private describe(partition: PartitionDescription, position: number): string {
    const { start, end } = partition;
    return position < start
      ? `"${this.consumer}" is at offset ${position} of ${nameOf(partition)}, but the oldest record of the log is at ${start}: ` +
          'its retention has deleted records that were never handled.'
      : `"${this.consumer}" is at offset ${position} of ${nameOf(partition)}, but the log ends at ${end}: it has lost ` +
          'records that were already handled.';
  }

  private consequence(partition: PartitionDescription): string {
    return this.onGap === 'continue'
      ? `It continues at the oldest record, offset ${partition.start}.`
      : `This partition stands still until "npx atlas positions set ${this.consumer} ${nameOf(partition)} oldest" ` +
          'lets it continue at the oldest record. See docs/positions.md.';
  }
}

const nameOf = ({ topic, partition }: PartitionDescription): string => `${topic}/${partition}`;
