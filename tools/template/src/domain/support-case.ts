import { type Change, changed, unchanged } from '@atlas/kernel';
import type { SupportCaseEvent } from './support-case-events';

/** The maximum length of a title, characters. */
export const MAX_TITLE = 200;

export const SUPPORT_CASE_STATUSES = ['open', 'closed'] as const;

export type SupportCaseStatus = (typeof SUPPORT_CASE_STATUSES)[number];

export interface SupportCaseState {
  readonly id: string;
  readonly title: string;
  readonly status: SupportCaseStatus;
  readonly version: number;
  readonly openedAt: Date;
  /** When it reached its current status. */
  readonly changedAt: Date;
}

export type SupportCaseChange = Change<SupportCase, SupportCaseEvent>;

/** A support case: open → closed. A transition that no longer applies changes nothing. */
export class SupportCase {
  constructor(private readonly state: SupportCaseState) {}

  /** @throws RangeError if the title is empty or longer than {@link MAX_TITLE}. */
  static open(opened: { readonly id: string; readonly title: string; readonly at: Date }): SupportCaseChange {
    const { id, title, at } = opened;
    if (title === '' || title.length > MAX_TITLE) {
      throw new RangeError(`A title has 1 to ${MAX_TITLE} characters, not ${title.length}`);
    }
    const next = new SupportCase({ id, title, status: 'open', version: 1, openedAt: at, changedAt: at });
    return changed(next, { type: 'support-case-opened', title });
  }

  get id(): string {
    return this.state.id;
  }

  get version(): number {
    return this.state.version;
  }

  snapshot(): SupportCaseState {
    return this.state;
  }

  close(at: Date): SupportCaseChange {
    if (this.state.status !== 'open') return unchanged(this);
    return changed(this.become('closed', at), { type: 'support-case-closed' });
  }

  private become(status: SupportCaseStatus, at: Date): SupportCase {
    const { version } = this.state;
    return new SupportCase({ ...this.state, status, version: version + 1, changedAt: at });
  }
}
