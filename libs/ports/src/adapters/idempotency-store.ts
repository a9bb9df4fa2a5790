/** The response to the first request. */
export interface StoredAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** The JSON body; undefined if there was none. */
  readonly body: unknown;
}

export interface IdempotencyKey {
  /** Principal and route. Keys in different scopes never conflict. */
  readonly scope: string;
  /** The client's `Idempotency-Key`. */
  readonly key: string;
  /** A digest of the request; reusing a key with another digest is a client error. */
  readonly fingerprint: string;
}

export type IdempotencyVerdict =
  | { readonly state: 'new' }
  | { readonly state: 'answered'; readonly answer: StoredAnswer }
  | { readonly state: 'other-request' }
  | { readonly state: 'in-flight' };

/**
 * Stores responses by idempotency key (IETF draft-ietf-httpapi-idempotency-key-header). Call `claim` and `store` in the
 * unit of work of the write, so that a crash leaves either both the effect and its response or neither.
 */
export abstract class IdempotencyStore {
  /**
   * Claims the key until the open unit of work ends. Returns `in-flight` instead of waiting if another request holds
   * it.
   */
  abstract claim(key: IdempotencyKey): Promise<IdempotencyVerdict>;

  /** Stores the response for `ttlMs` milliseconds. */
  abstract store(key: IdempotencyKey, answer: StoredAnswer, ttlMs: number): Promise<void>;

  /** Deletes at most `limit` expired responses; needs no open unit of work. @returns the number deleted. */
  abstract prune(limit: number): Promise<number>;
}
