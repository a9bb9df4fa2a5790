import type { SupportCase, SupportCaseChange, SupportCaseStatus } from '../domain/support-case';

export interface SupportCaseFilter {
  readonly status?: SupportCaseStatus | undefined;
  /** The maximum number of support cases to return. */
  readonly limit: number;
  /** The id of the last support case of the previous page. */
  readonly after?: string | undefined;
}

/** The collection of support cases. A change and its events are saved atomically. */
export abstract class SupportCaseRepository {
  /** @throws Error if its id already exists. */
  abstract add(opened: SupportCaseChange): Promise<void>;

  /**
   * Locks the support case against other updates, and saves the result of `change`.
   * @returns the updated support case; undefined if there is none with this id.
   */
  abstract update(
    id: string,
    change: (supportCase: SupportCase) => SupportCaseChange,
  ): Promise<SupportCase | undefined>;

  abstract get(id: string): Promise<SupportCase | undefined>;

  /** By id, the newest first. */
  abstract list(filter: SupportCaseFilter): Promise<readonly SupportCase[]>;
}

/** What the context looks up by a key: an entry is a text of any length. */
export abstract class PhoneBook {
  /** The entry of `key`; undefined if there is none. */
  abstract get(key: string): Promise<string | undefined>;

  /** Adds or replaces the entry of `key`. */
  abstract set(key: string, entry: string): Promise<void>;
}
