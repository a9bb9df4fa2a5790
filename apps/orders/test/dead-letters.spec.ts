import { randomUUID } from 'node:crypto';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { catalogue, PaymentCaptured, StockReserved } from '@atlas/contracts';
import { EventLog } from '@atlas/ports/adapters';
import { createService, loadConfig, startService } from '@atlas/service';
import { createTestDatabase, eventually, publish, recordOf, type TestDatabase } from '@atlas/testing';
import { Client } from 'pg';
import { ordersApp } from '../src/orders.app';

interface Letter {
  readonly id: string;
  readonly key: string;
  readonly kind: string;
  readonly reason: string;
  readonly attempts: number;
  readonly resolution: string | null;
  readonly note: string | null;
}

const lines = [{ sku: 'whole-milk', quantity: 1 }];

const reserved = (orderId: string, aggregateVersion = 1) =>
  recordOf({ contract: StockReserved, subject: orderId, aggregateVersion, data: { orderId, lines } });
const captured = (orderId: string) =>
  recordOf({
    contract: PaymentCaptured,
    subject: orderId,
    aggregateVersion: 1,
    data: { orderId, amount: { minorUnits: 119, currency: 'EUR' }, chargeId: 'ch_1' },
  });

describe('A dead letter', () => {
  let databases: TestDatabase[];
  let app: NestFastifyApplication;
  let log: EventLog;
  let database: Client;

  beforeAll(async () => {
    databases = [await createTestDatabase(), await createTestDatabase()];
    const settings = loadConfig(ordersApp.settings, {
      PORT: '0',
      DATABASE_URL: databases[0]!.url,
      EVENT_LOG_URL: databases[1]!.url,
      LOG_LEVEL: 'silent',
    });
    app = await createService(ordersApp, settings);
    await startService(app, settings);
    log = app.get(EventLog);
    await log.ensureTopics(catalogue.topics);
    database = new Client({ connectionString: databases[0]!.url });
    await database.connect();
  });
  afterAll(async () => {
    await database?.end();
    await app?.close();
    for (const each of databases ?? []) await each.drop();
  });

  const send = (method: 'GET' | 'POST', url: string, payload?: object) =>
    app.inject({ method, url, ...(payload && { payload }) });
  const lettersOf = async (orderId: string, state = 'all'): Promise<readonly Letter[]> => {
    const { letters } = (await send('GET', `/dead-letters?state=${state}&limit=500`)).json<{
      letters: Letter[];
    }>();
    return letters.filter(({ key }) => key === orderId);
  };
  /** Waits for so many letters of the order. */
  const letters = (orderId: string, count: number) =>
    eventually(async () => {
      const found = await lettersOf(orderId);
      return found.length === count && found;
    });
  /** An order that nobody has placed: news of it can't be handled until {@link mend} makes it. */
  const brokenOrder = async (...versions: number[]): Promise<{ id: string; letters: readonly Letter[] }> => {
    const id = randomUUID();
    await publish(log, ...versions.map((version) => reserved(id, version)));
    return { id, letters: await letters(id, versions.length) };
  };
  const mend = (id: string) =>
    database.query(
      `WITH placed AS (
         INSERT INTO orders (id, customer_id, status, total, currency, payment_token, version, history, due_at)
         VALUES ($1, 'ada', 'placed', 119, 'EUR', 'tok_approve', 1,
           jsonb_build_array(jsonb_build_object('status', 'placed', 'at', now())), now() + interval '1 hour')
       )
       INSERT INTO order_line VALUES ($1, 0, 'whole-milk', 1, 119)`,
      [id],
    );
  const statusOf = async (id: string): Promise<string> =>
    (await send('GET', `/orders/${id}`)).json<{ status: string }>().status;

  it('shows the record, why it was set aside, and how often it was tried', async () => {
    const { id, letters: found } = await brokenOrder(1, 2);
    expect(found).toMatchObject([
      {
        kind: 'handler-failed',
        reason: `UnknownOrderError: There is no order ${id}, but another context refers to it`,
      },
      { kind: 'parked', attempts: 0 },
    ]);
    const [first] = found as [Letter];
    expect(first.attempts).toBeGreaterThanOrEqual(5);
    const one = (await send('GET', `/dead-letters/${first.id}`)).json<{ text: string; headers: object }>();
    expect(JSON.parse(one.text)).toEqual({ orderId: id, lines });
    expect(one.headers).toMatchObject({ ce_type: StockReserved.type });
  });

  it('is replayed with those that were parked behind it, in order, once what was wrong is mended', async () => {
    const { id, letters: found } = await brokenOrder(1, 2, 3);
    await mend(id);

    const answer = await send('POST', `/dead-letters/${found[0]!.id}/replay`);

    expect(answer.json()).toEqual({ replayed: found.map((letter) => letter.id), failed: null });
    expect(await statusOf(id)).toBe('awaiting-payment');
    expect(await lettersOf(id, 'open')).toEqual([]);
    await publish(log, captured(id));
    await eventually(async () => (await statusOf(id)) === 'confirmed');
    const again = await send('POST', `/dead-letters/${found[0]!.id}/replay`);
    expect([again.statusCode, again.json<{ detail: string }>().detail]).toEqual([
      409,
      expect.stringContaining('was replayed at'),
    ]);
  });

  it('stays, with one more attempt, if it fails again; and one behind it is not replayed before it', async () => {
    const { id, letters: found } = await brokenOrder(1, 2);
    const [first, second] = found as [Letter, Letter];

    const behind = await send('POST', `/dead-letters/${second.id}/replay`);
    expect(behind.statusCode).toBe(409);
    expect(behind.json<{ detail: string }>().detail).toContain(`Dead letter ${first.id} has the same key`);
    const failed = await send('POST', `/dead-letters/${first.id}/replay`);
    expect(failed.json()).toEqual({
      replayed: [],
      failed: { id: first.id, reason: expect.stringContaining(`no order ${id}`) },
    });

    expect(await lettersOf(id, 'open')).toMatchObject([
      { id: first.id, attempts: first.attempts + 1 },
      { id: second.id, attempts: 0 },
    ]);
  });

  it('is discarded with a reason, for good: its event has no effect, also if it comes again', async () => {
    const id = randomUUID();
    const record = reserved(id);
    await publish(log, record);
    const [letter] = (await letters(id, 1)) as [Letter];

    expect((await send('POST', `/dead-letters/${letter.id}/discard`, { reason: ' ' })).statusCode).toBe(400);
    const answer = await send('POST', `/dead-letters/${letter.id}/discard`, { reason: 'a test order' });
    expect(answer.json()).toMatchObject({ resolution: 'discarded', note: 'a test order' });

    await mend(id);
    const other = await brokenOrder(1);
    await mend(other.id);
    await publish(log, record);
    await send('POST', `/dead-letters/${other.letters[0]!.id}/replay`);
    await publish(log, reserved(id, 2));
    await eventually(async () => (await statusOf(id)) === 'awaiting-payment');
    const told = await database.query(
      `SELECT count(*)::integer AS events FROM outbox WHERE aggregate_id = $1`,
      [id],
    );
    expect(told.rows).toEqual([{ events: 1 }]);
    expect(await lettersOf(id)).toHaveLength(1);
  });

  it('lets no news of its order get ahead while it is replayed, and leaves none behind', async () => {
    const { id, letters: found } = await brokenOrder(1);
    await mend(id);
    const holder = new Client({ connectionString: databases[0]!.url });
    await holder.connect();
    await holder.query('BEGIN');
    await holder.query('SELECT FROM orders WHERE id = $1 FOR UPDATE', [id]);
    const waiting = async (count: number) => {
      const { rowCount } = await database.query(
        `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
      );
      return (rowCount ?? 0) >= count;
    };
    // The replay waits for the order, and the payment's news for the replay.
    const replay = send('POST', `/dead-letters/${found[0]!.id}/replay`);
    await eventually(() => waiting(1));
    // Counted already: the handler may never come back.
    expect(await lettersOf(id)).toMatchObject([{ attempts: found[0]!.attempts + 1 }]);
    // On the same topic, so that it has the same key there.
    const next = reserved(id, 2);
    await publish(log, next);
    await eventually(() => waiting(2));

    await holder.query('COMMIT');
    await holder.end();

    expect((await replay).json()).toMatchObject({ failed: null });
    await eventually(async () => {
      const { rowCount } = await database.query('SELECT FROM inbox WHERE event_id = $1', [
        next.headers['ce_id'],
      ]);
      return rowCount === 1;
    });
    expect(await lettersOf(id, 'open')).toEqual([]);
    expect(await statusOf(id)).toBe('awaiting-payment');
  });

  it('is resolved by one of two operators', async () => {
    const { id, letters: found } = await brokenOrder(1, 2);
    await mend(id);

    const answers = await Promise.all(
      [1, 2, 3].map(() => send('POST', `/dead-letters/${found[0]!.id}/replay`)),
    );

    for (const answer of answers.filter(({ statusCode }) => statusCode !== 200)) {
      expect(answer.json<{ detail: string }>().detail).toContain('was replayed at');
    }
    const replayed = answers.flatMap((answer) => answer.json<{ replayed?: string[] }>().replayed ?? []);
    expect([...replayed].sort()).toEqual(found.map((letter) => letter.id).sort());
    const { rows } = await database.query(
      `SELECT count(*)::integer AS events FROM outbox WHERE aggregate_id = $1`,
      [id],
    );
    expect(rows).toEqual([{ events: 1 }]);
  });

  it('that is no event stays what it is when it is replayed', async () => {
    const key = randomUUID();
    await publish(log, { topic: 'inventory.events', key, headers: {}, value: Buffer.from('{}') });
    const [letter] = (await letters(key, 1)) as [Letter];

    const answer = await send('POST', `/dead-letters/${letter.id}/replay`);

    expect(answer.json()).toEqual({ replayed: [], failed: { id: letter.id, reason: letter.reason } });
    expect(await lettersOf(key, 'open')).toEqual([letter]);
    expect(letter).toMatchObject({ kind: 'malformed', attempts: 0 });
  });

  it('that is not there is named, and a name that is none refused', async () => {
    expect((await send('GET', '/dead-letters/999999')).statusCode).toBe(404);
    expect((await send('POST', '/dead-letters/999999/replay')).statusCode).toBe(404);
    expect((await send('POST', '/dead-letters/seven/replay')).statusCode).toBe(400);
    expect((await send('GET', '/dead-letters?limit=0')).statusCode).toBe(400);
  });
});
