import { ExponentialBackoff, handleType, retry } from 'cockatiel';
import { Agent, request } from 'undici';
import { z } from 'zod';
import { UserError } from '@atlas/cli/user-error';

const money = z.object({ minorUnits: z.int(), currency: z.string() });
const orderStatus = z.enum(['placed', 'awaiting-payment', 'confirmed', 'cancelled']);

const order = z.object({
  id: z.string(),
  status: orderStatus,
  reason: z.string().optional(),
  total: money,
  placedAt: z.coerce.date(),
  settledAt: z.coerce.date().optional(),
  history: z.array(z.object({ status: orderStatus, at: z.coerce.date() })),
});
const ordersPage = z.object({ orders: z.array(order), nextCursor: z.string().optional() });

const stock = z.object({
  sku: z.string(),
  available: z.int(),
  reserved: z.int(),
  sold: z.int(),
});
const stockPage = z.object({ items: z.array(stock), nextCursor: z.string().optional() });
const payment = z.object({ status: z.string() });
const prices = z.object({
  entries: z.array(z.object({ sku: z.string(), unitPrice: money })),
  nextCursor: z.string().optional(),
});

const problem = z.object({
  title: z.string().optional(),
  detail: z.string().optional(),
  errors: z.array(z.object({ pointer: z.string(), detail: z.string() })).optional(),
});

export type Order = z.infer<typeof order>;
export type OrderStatus = z.infer<typeof orderStatus>;
export type Stock = z.infer<typeof stock>;
export type Payment = z.infer<typeof payment>;

/** Settled orders are confirmed or cancelled. */
export const isSettled = ({ status }: Order): boolean => status === 'confirmed' || status === 'cancelled';

export interface NewOrder {
  readonly customerId: string;
  readonly lines: readonly { readonly sku: string; readonly quantity: number }[];
  /** A token of the sandbox provider: tok_approve, tok_decline or tok_timeout. */
  readonly paymentToken: string;
}

/** What a write of a document did. */
export type Written = 'created' | 'changed' | 'unchanged';

/** Base URL of each service by its name, such as `http://127.0.0.1:4001`. */
export type ServiceUrls = Readonly<Record<string, string>>;

/** A service rejected the request (4xx); `message` says why. */
export class RefusedError extends UserError {
  constructor(
    readonly status: number,
    message: string,
    /** Of what is there instead of what the request expected. */
    readonly etag?: string,
  ) {
    super(message);
  }
}

/** A service did not respond, or stayed unavailable, until the client gave up. */
export class UnavailableError extends UserError {}

export interface ClientOptions {
  /** Maximum number of connections to one service. Default 16. */
  readonly connections?: number;
  /** How long to retry while a service is unavailable or busy, milliseconds. Default 60,000. */
  readonly patienceMs?: number;
  /** Aborts all requests. */
  readonly signal?: AbortSignal;
}

const ANSWER_TIMEOUT_MS = 15_000;
/**
 * How long a connection is kept without a request. A service that stops ends those that are idle when its DRAIN_MS are over: a
 * client that ends them earlier never sends a request on one that is being closed.
 */
const IDLE_MS = 2_000;
/** Maximum entries of a bulk write: keeps the body below the services' limit (1 MiB) even with long names. */
const BULK = 1_000;
/** Maximum entries of a page. */
const PAGE = 500;
const BY_PAGE = { limit: String(PAGE) };
/** Too many requests, or temporarily down: a retry may succeed. */
const TRANSIENT = new Set([429, 502, 503, 504]);
/** The same idempotency key is still in progress. */
const IN_PROGRESS = 409;
/** How often others may be faster before a write gives up. */
const MAX_OVERTAKEN = 10;

/**
 * The HTTP API of the services. Every request is idempotent (a read, a write that sets a value, or a POST with an
 * idempotency key), so the client retries while a service restarts.
 * All methods @throws RefusedError for a 4xx response, UnavailableError once `patienceMs` is over, and Error for a bug
 * of a service (500, or a response of an unexpected shape), which a retry would only hide.
 */
export class AtlasClient {
  /**
   * How many attempts failed and were worth another one, by what was answered: `503`, or without an answer the error's code, such
   * as `ECONNREFUSED`.
   */
  readonly retried = new Map<string, number>();
  private readonly agent: Agent;
  private readonly policy = retry(handleType(UnavailableError), {
    maxAttempts: Number.POSITIVE_INFINITY,
    backoff: new ExponentialBackoff({ initialDelay: 50, maxDelay: 1_000 }),
  });

  constructor(
    private readonly urls: ServiceUrls,
    private readonly options: ClientOptions = {},
  ) {
    const timeout = Math.min(ANSWER_TIMEOUT_MS, options.patienceMs ?? ANSWER_TIMEOUT_MS);
    this.agent = new Agent({
      connections: options.connections ?? 16,
      connectTimeout: 5_000,
      keepAliveMaxTimeout: IDLE_MS,
      headersTimeout: timeout,
      bodyTimeout: timeout,
    });
  }

  /** @param idempotencyKey identifies the order: the same key never creates a second one. */
  placeOrder(body: NewOrder, idempotencyKey: string): Promise<Order> {
    return this.call('orders', 'POST', '/orders', order, { body, idempotencyKey });
  }

  cancelOrder(id: string, idempotencyKey: string): Promise<Order> {
    return this.call('orders', 'POST', `/orders/${id}/cancel`, order, { idempotencyKey });
  }

  order(id: string): Promise<Order> {
    return this.call('orders', 'GET', `/orders/${id}`, order);
  }

  /** A customer's orders, newest first, page by page. */
  async *ordersOf(customerId: string, status?: OrderStatus): AsyncGenerator<Order> {
    const filter = { customerId, ...BY_PAGE, ...(status && { status }) };
    for await (const { orders } of this.pages('orders', '/orders', ordersPage, filter)) yield* orders;
  }

  /** Lists a product or revises it, whatever was there. @param product as the catalog's API takes it. */
  putProduct(sku: string, product: unknown): Promise<Written> {
    return this.put(`/products/${encodeURIComponent(sku)}`, product);
  }

  /** Defines a category or changes it, whatever was there. @param category as the catalog's API takes it. */
  putCategory(name: string, category: unknown): Promise<Written> {
    return this.put(`/categories/${encodeURIComponent(name)}`, category);
  }

  /** The prices that orders knows, in minor units, by SKU, page by page. */
  async *prices(): AsyncGenerator<{ readonly sku: string; readonly minorUnits: number }> {
    for await (const { entries } of this.pages('orders', '/price-book', prices)) {
      for (const { sku, unitPrice } of entries) yield { sku, minorUnits: unitPrice.minorUnits };
    }
  }

  async setStock(items: readonly { readonly sku: string; readonly available: number }[]): Promise<void> {
    for (const part of chunks(items)) {
      await this.call('inventory', 'PUT', '/stock', z.unknown(), { body: { items: part } });
    }
  }

  stock(sku: string): Promise<Stock> {
    return this.call('inventory', 'GET', `/stock/${sku}`, stock);
  }

  /** All stock, by SKU, page by page. */
  async *stocks(): AsyncGenerator<Stock> {
    for await (const { items } of this.pages('inventory', '/stock', stockPage)) yield* items;
  }

  payment(orderId: string): Promise<Payment> {
    return this.call('payments', 'GET', `/payments/${orderId}`, payment);
  }

  close(): Promise<void> {
    return this.agent.close();
  }

  /** Creates first, which is also the answer if nothing is to change, and then replaces what is there. */
  private async put(path: string, body: unknown): Promise<Written> {
    let precondition: Readonly<Record<string, string>> = { 'if-none-match': '*' };
    for (let overtaken = 0; ; overtaken++) {
      try {
        const { status } = await this.exchange('catalog', 'PUT', path, z.unknown(), {
          body,
          headers: precondition,
        });
        if (status === 201) return 'created';
        return 'if-match' in precondition ? 'changed' : 'unchanged';
      } catch (error) {
        if (!(error instanceof RefusedError) || !error.etag || overtaken === MAX_OVERTAKEN) throw error;
        precondition = { 'if-match': error.etag };
      }
    }
  }

  private async *pages<Page extends { readonly nextCursor?: string | undefined }>(
    service: string,
    path: string,
    page: z.ZodType<Page>,
    filter: Readonly<Record<string, string>> = BY_PAGE,
  ): AsyncGenerator<Page> {
    const query = new URLSearchParams(filter);
    for (;;) {
      const found = await this.call(service, 'GET', `${path}?${query.toString()}`, page);
      yield found;
      if (!found.nextCursor) return;
      query.set('cursor', found.nextCursor);
    }
  }

  private async call<T>(...sent: Parameters<typeof this.exchange<T>>): Promise<T> {
    return (await this.exchange(...sent)).value;
  }

  private exchange<T>(
    service: string,
    method: 'GET' | 'PUT' | 'POST',
    path: string,
    answer: z.ZodType<T>,
    sent: { body?: unknown; idempotencyKey?: string; headers?: Readonly<Record<string, string>> } = {},
  ): Promise<{ status: number; value: T }> {
    const headers: Record<string, string> = { accept: 'application/json', ...sent.headers };
    if (sent.body !== undefined) headers['content-type'] = 'application/json';
    if (sent.idempotencyKey) headers['idempotency-key'] = sent.idempotencyKey;
    const body = sent.body === undefined ? null : JSON.stringify(sent.body);
    const base = this.urls[service];
    if (!base) throw new UserError(`The platform has no service "${service}"`);
    const url = new URL(path, base);
    const what = `${service} (${method} ${url.href})`;
    const send = async () => {
      const { status, text, etag } = await this.send(url, { method, headers, body }).catch(
        (error: unknown) => {
          this.count(codeOf(error));
          throw new UnavailableError(`${what} gave no answer: ${reasonOf(error)}`, { cause: error });
        },
      );
      if (TRANSIENT.has(status) || (status === IN_PROGRESS && sent.idempotencyKey)) {
        this.count(String(status));
        throw new UnavailableError(`${what} answered ${status}: ${sentenceOf(text)}`);
      }
      if (status >= 500) throw new Error(`${what} answered ${status}: ${sentenceOf(text)}`);
      if (status >= 400) {
        throw new RefusedError(status, `${what} answered ${status}: ${sentenceOf(text)}`, etag);
      }
      return { status, value: understand(answer, text, what) };
    };
    const { patienceMs = 60_000, signal = null } = this.options;
    const patience = AbortSignal.timeout(patienceMs);
    return this.policy.execute(send, signal ? AbortSignal.any([patience, signal]) : patience);
  }

  private count(reason: string): void {
    this.retried.set(reason, (this.retried.get(reason) ?? 0) + 1);
  }

  private async send(
    url: URL,
    init: Parameters<typeof request>[1],
  ): Promise<{ status: number; text: string; etag: string | undefined }> {
    const { signal = null } = this.options;
    const { statusCode, headers, body } = await request(url, { dispatcher: this.agent, signal, ...init });
    const { etag } = headers;
    return { status: statusCode, text: await body.text(), etag: Array.isArray(etag) ? etag[0] : etag };
  }
}

function understand<T>(answer: z.ZodType<T>, text: string, what: string): T {
  try {
    return answer.parse(JSON.parse(text));
  } catch (cause) {
    throw new Error(`${what} answered what this version of atlas does not understand`, { cause });
  }
}

function* chunks<T>(all: readonly T[]): Generator<readonly T[]> {
  for (let from = 0; from < all.length; from += BULK) yield all.slice(from, from + BULK);
}

/** The message of problem details (RFC 9457), or the text itself. */
function sentenceOf(text: string): string {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return text.slice(0, 200) || 'no text';
  }
  const { success, data } = problem.safeParse(json);
  if (!success) return text.slice(0, 200);
  const fields = (data.errors ?? []).slice(0, 3).map(({ pointer, detail }) => `${pointer}: ${detail}`);
  return [data.detail ?? data.title ?? text.slice(0, 200), ...fields].join('; ');
}

function codeOf(error: unknown): string {
  const { code, name } = (error instanceof AggregateError ? error.errors[0] : error) as {
    code?: string;
    name?: string;
  };
  return code ?? name ?? 'no answer';
}

function reasonOf(error: unknown): string {
  // Several addresses were tried: the AggregateError itself has no message.
  if (error instanceof AggregateError && error.errors[0] instanceof Error) return error.errors[0].message;
  return error instanceof Error ? error.message || error.name : String(error);
}
