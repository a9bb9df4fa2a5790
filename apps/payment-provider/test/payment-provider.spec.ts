import { randomUUID } from 'node:crypto';
import { eventually } from '@atlas/testing';
import { type Context, startContext } from '@atlas/testing/context';
import { Agent, request } from 'undici';
import type { BooksResponse } from '../src/adapters/driving/http/books.schemas';
import type { ChargeResponse } from '../src/adapters/driving/http/charges.schemas';
import type { FaultsResponse } from '../src/adapters/driving/http/faults.schemas';
import { paymentProviderApp } from '../src/payment-provider.app';

const amount = { minorUnits: 487, currency: 'EUR' };

describe('The sandbox provider', () => {
  let provider: Context;
  // Each request on a connection of its own: one that was cut must not fail the next.
  const agent = new Agent({ pipelining: 0 });

  beforeAll(async () => {
    provider = await startContext(paymentProviderApp);
  });
  afterEach(() => send('DELETE', '/faults'));
  afterAll(async () => {
    await provider?.stop();
    await agent.close();
  });

  async function send(
    method: 'GET' | 'POST' | 'PUT' | 'DELETE',
    path: string,
    { key, body, giveUpAfterMs = 30_000 }: { key?: string; body?: unknown; giveUpAfterMs?: number } = {},
  ) {
    const response = await request(provider.replicas[0].url + path, {
      dispatcher: agent,
      method,
      headers: {
        ...(key !== undefined && { 'idempotency-key': key }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      body: body === undefined ? null : JSON.stringify(body),
      signal: AbortSignal.timeout(giveUpAfterMs),
    });
    const text = await response.body.text();
    return {
      status: response.statusCode,
      headers: response.headers,
      // Of whatever shape the test expects.
      body: (text === '' ? undefined : JSON.parse(text)) as Record<string, string>,
    };
  }
  const charge = (
    reference: string,
    source = 'tok_approve',
    more: { key?: string; giveUpAfterMs?: number } = {},
  ) => send('POST', '/charges', { key: reference, body: { reference, amount, source }, ...more });
  const turnOn = (...faults: readonly object[]) => send('PUT', '/faults', { body: { seed: 7, faults } });
  const chargesOf = async (reference: string) =>
    (await send('GET', `/charges?reference=${reference}`)).body['charges'] as unknown as ChargeResponse[];
  /** Other transactions of the same server hold back what is shown, so this may lack the latest. */
  async function books(): Promise<BooksResponse['entries']> {
    const all: BooksResponse['entries'] = [];
    for (let after = ''; ;) {
      const { entries, next } = (await send('GET', `/books?limit=3${after && `&after=${after}`}`))
        .body as unknown as BooksResponse;
      if (entries.length === 0) return all;
      all.push(...entries);
      after = next;
    }
  }

  /** The movements of these references, once the last that was made here is among them. */
  async function movementsOf(...references: readonly string[]): Promise<BooksResponse['entries']> {
    const marker = (await charge(randomUUID())).body as unknown as ChargeResponse;
    const entries = await eventually(async () => {
      const all = await books();
      return all.some(({ id }) => id === marker.id) && all;
    });
    return entries.filter(({ reference }) => references.includes(reference));
  }

  it('says in its API that it is a sandbox', async () => {
    const { body } = await send('GET', '/docs-json');
    expect(body).toMatchObject({ info: { description: expect.stringContaining('SANDBOX FOR DEVELOPMENT') } });
  });

  it('charges a card, and finds the charge by its reference and by its id', async () => {
    const reference = randomUUID();
    const { status, body } = await charge(reference);
    expect(status).toBe(201);
    expect(body).toMatchObject({ reference, amount, status: 'succeeded' });
    expect(await chargesOf(reference)).toEqual([body]);
    expect((await send('GET', `/charges/${body['id']}`)).body).toEqual(body);
    expect((await send('GET', '/charges/ch_none')).status).toBe(404);
  });

  it('declines by its test cards, and books no money for it', async () => {
    const [poor, unknown] = [randomUUID(), randomUUID()];
    expect((await charge(poor, 'tok_decline')).body).toMatchObject({
      status: 'declined',
      reason: 'insufficient funds',
    });
    expect((await charge(unknown, 'tok_new')).body).toMatchObject({ reason: 'there is no token "tok_new"' });
    expect(await movementsOf(poor, unknown)).toEqual([]);
  });

  it('never answers for the silent card, and charges nothing', async () => {
    const reference = randomUUID();
    await expect(charge(reference, 'tok_timeout', { giveUpAfterMs: 100 })).rejects.toThrow();
    expect(await chargesOf(reference)).toEqual([]);
  });

  describe('keeps idempotency keys with what was made under them, so that', () => {
    it('the same request gets the same answer', async () => {
      const reference = randomUUID();
      const first = await charge(reference);
      const again = await charge(reference);
      expect(again).toMatchObject({ status: 201, body: first.body });
      expect(again.headers['idempotency-replayed']).toBe('true');
      expect(await chargesOf(reference)).toHaveLength(1);
    });

    it('another request under the key is refused', async () => {
      const key = randomUUID();
      await charge(key);
      for (const other of [
        { reference: 'other', amount, source: 'tok_approve' },
        { reference: key, amount: { ...amount, minorUnits: 1 }, source: 'tok_approve' },
        { reference: key, amount, source: 'tok_decline' },
      ]) {
        expect((await send('POST', '/charges', { key, body: other })).status).toBe(422);
      }
    });

    it('a request that comes while another with its key is worked on is told so', async () => {
      const reference = randomUUID();
      const worker = provider.dataSource.createQueryRunner();
      const claim = (action: string) =>
        worker.query(`SELECT pg_advisory_${action}(hashtextextended($1, 0))`, [`charge ${reference}`]);
      await claim('lock');
      const during = await charge(reference);
      await claim('unlock');
      await worker.release();
      expect(during).toMatchObject({ status: 409, headers: { 'retry-after': '1' } });
      expect((await charge(reference)).status).toBe(201);
    });

    it('twenty at once charge once', async () => {
      const reference = randomUUID();
      const answers = await Promise.all(Array.from({ length: 20 }, () => charge(reference)));
      expect(answers.every(({ status }) => status === 201 || status === 409)).toBe(true);
      expect(await chargesOf(reference)).toHaveLength(1);
    });

    it('a request needs one', async () => {
      const body = { reference: 'x', amount, source: 'tok_approve' };
      const { status, body: problem } = await send('POST', '/charges', { body });
      expect(status).toBe(400);
      expect(problem).toMatchObject({ detail: expect.stringContaining('Idempotency-Key') });
      expect((await send('POST', '/charges', { key: 'with space', body })).status).toBe(400);
    });
  });

  it('refunds a charge once, by whatever key', async () => {
    const reference = randomUUID();
    const { body } = await charge(reference);
    const refund = (key: string) => send('POST', `/charges/${body['id']}/refunds`, { key });
    const first = await refund(`${reference}:refund`);
    expect(first).toMatchObject({ status: 201, body: { chargeId: body['id'], amount } });
    expect((await refund(`${reference}:refund`)).body).toEqual(first.body);
    expect(await refund('another')).toMatchObject({ status: 422, body: { title: 'Already refunded' } });
    expect(await chargesOf(reference)).toMatchObject([{ refund: first.body }]);
    // A charge that is sent again is answered as it was made.
    expect((await charge(reference)).body).toEqual(body);
    expect((await send('POST', '/charges/ch_none/refunds', { key: 'none' })).status).toBe(404);
  });

  describe('Its books', () => {
    it('list every movement once, a refund behind its charge, page by page', async () => {
      const references = Array.from({ length: 10 }, () => randomUUID());
      await Promise.all(
        references.map(async (reference) => {
          const { body } = await charge(reference);
          await send('POST', `/charges/${body['id']}/refunds`, { key: `${reference}:refund` });
        }),
      );
      const entries = await movementsOf(...references);
      for (const reference of references) {
        const kinds = entries.filter((entry) => entry.reference === reference).map(({ kind }) => kind);
        expect(kinds).toEqual(['charge', 'refund']);
      }
      expect(new Set(entries.map(({ id }) => id)).size).toBe(entries.length);
    });

    it('show nothing above a movement that may still appear', async () => {
      const late = provider.dataSource.createQueryRunner();
      await late.startTransaction();
      await late.query(
        `INSERT INTO charge (id, key, reference, amount, currency, source, created_at)
         VALUES ('ch_late', 'late', 'late', 1, 'EUR', 'tok_approve', now());
         INSERT INTO book_entry (id, kind, charge_id, reference, amount, currency, at)
         VALUES ('ch_late', 'charge', 'ch_late', 'late', 1, 'EUR', now())`,
      );
      const { body } = await charge(randomUUID());
      const shown = async () =>
        (await books()).map(({ id }) => id).filter((id) => id === 'ch_late' || id === body['id']);
      expect(await shown()).toEqual([]);
      await late.commitTransaction();
      await late.release();
      const both = await eventually(async () => {
        const ids = await shown();
        return ids.length === 2 && ids;
      });
      expect(both).toEqual(['ch_late', body['id']]);
    });

    it('are read on from where a page says', async () => {
      expect((await send('GET', '/books?after=yesterday')).status).toBe(400);
    });
  });

  describe('With faults, it', () => {
    const resets = (sent: Promise<unknown>) =>
      expect(sent).rejects.toMatchObject({ code: expect.stringMatching(/^(ECONNRESET|UND_ERR_SOCKET)$/) });

    it.each([
      ['error-before', 0],
      ['error-after', 1],
    ])('fails with %s and has made %d charge', async (kind, made) => {
      const reference = randomUUID();
      await turnOn({ kind, status: 502 });
      expect((await charge(reference)).status).toBe(502);
      expect(await chargesOf(reference)).toHaveLength(made);
    });

    it.each([
      ['reset-before', 0],
      ['reset-after', 1],
    ])('cuts the connection with %s and has made %d charge', async (kind, made) => {
      const reference = randomUUID();
      await turnOn({ kind });
      await resets(charge(reference));
      expect(await chargesOf(reference)).toHaveLength(made);
    });

    it('charges and never answers', async () => {
      const reference = randomUUID();
      await turnOn({ kind: 'silence-after' });
      await expect(charge(reference, undefined, { giveUpAfterMs: 200 })).rejects.toThrow();
      expect(await chargesOf(reference)).toHaveLength(1);
    });

    it('sends an answer bit by bit', async () => {
      const reference = randomUUID();
      await turnOn({ kind: 'slow-body', overMs: 50 });
      expect(await charge(reference)).toMatchObject({ status: 201, body: { reference } });
      await turnOn({ kind: 'slow-body', overMs: 60_000 });
      await expect(charge(reference, undefined, { giveUpAfterMs: 200 })).rejects.toThrow();
    });

    it('limits the rate and says when to come again', async () => {
      const reference = randomUUID();
      await turnOn({ kind: 'rate-limit', retryAfterSeconds: 3 });
      expect(await charge(reference)).toMatchObject({ status: 429, headers: { 'retry-after': '3' } });
      expect(await chargesOf(reference)).toEqual([]);
    });

    it('stops after its count, and reports how often each fault was injected', async () => {
      await turnOn({ kind: 'latency', delayMs: { min: 1, max: 5 } }, { kind: 'error-before', count: 2 });
      const statuses: number[] = [];
      for (let sent = 0; sent < 4; sent++) statuses.push((await charge(randomUUID())).status);
      expect(statuses).toEqual([500, 500, 201, 201]);
      expect(((await send('GET', '/faults')).body as unknown as FaultsResponse).injected).toEqual([4, 2]);
      await send('DELETE', '/faults');
      expect((await send('GET', '/faults')).body).toMatchObject({ faults: { faults: [] }, injected: [] });
    });

    it('injects a fault only where it is told to', async () => {
      await turnOn({ kind: 'error-before', on: ['read'] });
      const { status } = await charge(randomUUID());
      expect(status).toBe(201);
      expect((await send('GET', '/books')).status).toBe(500);
    });

    it('refuses faults that it does not know, or that make no sense, and says why', async () => {
      for (const fault of [
        { kind: 'earthquake' },
        { kind: 'error-before', probability: 2 },
        { kind: 'error-before', status: 404 },
        { kind: 'latency', delayMs: { min: 5, max: 1 } },
        { kind: 'reset-before', count: 0 },
        { kind: 'reset-before', wenn: 1 },
      ]) {
        const { status, body } = await turnOn(fault);
        expect(status).toBe(400);
        expect(body).toMatchObject({
          errors: [expect.objectContaining({ pointer: expect.stringMatching(/^\/faults\/0/) })],
        });
      }
    });
  });
});
