import type { SkippedLine } from './baskets';

const LISTED = 20;

/** Counts the lines that became no order, and lists the first ones. */
export class SkippedLines {
  readonly first: SkippedLine[] = [];
  count = 0;

  add(line: SkippedLine): void {
    this.count++;
    if (this.first.length < LISTED) this.first.push(line);
  }
}
