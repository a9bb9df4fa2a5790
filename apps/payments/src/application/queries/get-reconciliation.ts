import type { BookDifference, Statement } from '../ports';

export interface ReconciliationStatus {
  /** The position up to which the provider's books have been read; undefined: nothing has been read. */
  readonly position: string | undefined;
  /** At most 100. */
  readonly differences: readonly BookDifference[];
}

/** How far the provider's books have been read, and where they differ from ours. */
export class GetReconciliation {
  constructor(private readonly statement: Statement) {}

  async execute(): Promise<ReconciliationStatus> {
    const [position, differences] = await Promise.all([
      this.statement.position(),
      this.statement.differences(),
    ]);
    return { position, differences };
  }
}
