/** An answer as it was first given. */
export interface StoredAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** The JSON body; undefined if there was none. */
  readonly body: unknown;
}

export interface IdempotencyKey {
  /** Who asks for what: principal and route. Keys of different scopes never meet. */
  readonly scope: string;
  /** The client's `Idempotency-Key`. */
  readonly key: string;
  /** A digest of the request; the same key with another one is a client's mistake. */
  readonly fingerprint: string;
}

export type IdempotencyVerdict =
  | { readonly state: 'new' }
  | { readonly state: 'answered'; readonly answer: StoredAnswer }
  | { readonly state: 'other-request' }
  | { readonly state: 'in-flight' };

/**
 * Answers by idempotency key (IETF draft-ietf-httpapi-idempotency-key-header). `claim` and `store` must be called in the unit
 * of work that holds the write, so that a crash leaves either the effect and its answer or neither.
 */
export abstract class IdempotencyStore {
  /** Claims the key until the open unit of work ends. Never waits for another holder: that is `in-flight`. */
  abstract claim(key: IdempotencyKey): Promise<IdempotencyVerdict>;

  /** Stores the answer for `ttlMs` milliseconds. */
  abstract store(key: IdempotencyKey, answer: StoredAnswer, ttlMs: number): Promise<void>;

  /** Forgets at most `limit` answers whose time is over; needs no open unit of work. @returns how many. */
  abstract prune(limit: number): Promise<number>;
}
