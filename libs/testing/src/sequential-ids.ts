import { IdGenerator } from '@atlas/ports/application';

/** UUIDs that count from 1, so that they sort by creation time, like real ones. */
export class SequentialIds extends IdGenerator {
  private made = 0;

  next(): string {
    this.made += 1;
    return `00000000-0000-7000-8000-${this.made.toString(16).padStart(12, '0')}`;
  }
}
