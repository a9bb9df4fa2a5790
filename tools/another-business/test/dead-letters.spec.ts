import { randomUUID } from 'node:crypto';
import { eventually, recordOf } from '@atlas/testing';
import { type Context, startContext } from '@atlas/testing/context';
import { Client } from 'pg';
import { BookLent, BookReturned } from './contracts';
import { shelvesApp } from './shelves';

interface Letter {
  readonly id: string;
  readonly key: string;
  readonly kind: string;
  readonly reason: string;
  readonly attempts: number;
  readonly resolution: string | null;
  readonly note: string | null;
}

const memberId = 'ada';

const returned = (loanId: string, aggregateVersion = 1) =>
  recordOf({ contract: BookReturned, subject: loanId, aggregateVersion, data: { loanId, memberId } });
const lent = (loanId: string) =>
  recordOf({
    contract: BookLent,
    subject: loanId,
    aggregateVersion: 9,
    data: { loanId, memberId, book: 'Middlemarch' },
  });

describe('A dead letter', () => {
  let shelves: Context;

  beforeAll(async () => {
    shelves = await startContext(shelvesApp);
  });
  afterAll(() => shelves?.stop());

  const send = (method: 'GET' | 'POST', url: string, payload?: object) => shelves.send(method, url, payload);
  const lettersOf = async (loanId: string, state = 'all'): Promise<readonly Letter[]> => {
    const { letters } = (await send('GET', `/dead-letters?state=${state}&limit=500`)).json<{
      letters: Letter[];
    }>();
    return letters.filter(({ key }) => key === loanId);
  };
  /** Waits for `count` letters of the loan. */
  const letters = (loanId: string, count: number) =>
    eventually(async () => {
      const found = await lettersOf(loanId);
      return found.length === count && found;
    });
  /** A loan of a copy that is missing: its events can't be handled until {@link mend} adds it. */
  const brokenLoan = async (...versions: number[]): Promise<{ id: string; letters: readonly Letter[] }> => {
    const id = randomUUID();
    await shelves.publish(...versions.map((version) => returned(id, version)));
    return { id, letters: await letters(id, versions.length) };
  };
  const mend = (id: string) =>
    shelves.query(`INSERT INTO copy (id, status, version) VALUES ($1, 'expected', 0)`, [id]);
  const statusOf = async (id: string): Promise<string> =>
    (await send('GET', `/copies/${id}`)).json<{ status: string }>().status;

  it('shows the record, the reason, and the number of attempts', async () => {
    const { id, letters: found } = await brokenLoan(1, 2);
    expect(found).toMatchObject([
      { kind: 'handler-failed', reason: `Error: There is no copy of loan ${id}` },
      { kind: 'parked', attempts: 0 },
    ]);
    const [first] = found as [Letter];
    expect(first.attempts).toBeGreaterThanOrEqual(5);
    const one = (await send('GET', `/dead-letters/${first.id}`)).json<{ text: string; headers: object }>();
    expect(JSON.parse(one.text)).toEqual({ loanId: id, memberId });
    expect(one.headers).toMatchObject({ ce_type: BookReturned.type });
  });

  it('is replayed in order with those parked behind it, once the cause is fixed', async () => {
    const { id, letters: found } = await brokenLoan(1, 2, 3);
    await mend(id);

    const answer = await send('POST', `/dead-letters/${found[0]!.id}/replay`);

    expect(answer.json()).toEqual({ replayed: found.map((letter) => letter.id), failed: null });
    expect(await statusOf(id)).toBe('shelved');
    expect(await lettersOf(id, 'open')).toEqual([]);
    await shelves.publish(lent(id));
    await eventually(async () => (await statusOf(id)) === 'lent');
    const again = await send('POST', `/dead-letters/${found[0]!.id}/replay`);
    expect([again.statusCode, again.json<{ detail: string }>().detail]).toEqual([
      409,
      expect.stringContaining('was replayed at'),
    ]);
  });

  it('stays open with one more attempt if it fails again, and blocks those behind it', async () => {
    const { id, letters: found } = await brokenLoan(1, 2);
    const [first, second] = found as [Letter, Letter];

    const behind = await send('POST', `/dead-letters/${second.id}/replay`);
    expect(behind.statusCode).toBe(409);
    expect(behind.json<{ detail: string }>().detail).toContain(
      `Dead letter ${first.id} is older and has the same key`,
    );
    const failed = await send('POST', `/dead-letters/${first.id}/replay`);
    expect(failed.json()).toEqual({
      replayed: [],
      failed: { id: first.id, reason: expect.stringContaining(`no copy of loan ${id}`) },
    });

    expect(await lettersOf(id, 'open')).toMatchObject([
      { id: first.id, attempts: first.attempts + 1 },
      { id: second.id, attempts: 0 },
    ]);
  });

  it('is discarded permanently with a reason: its event has no effect, even if redelivered', async () => {
    const id = randomUUID();
    const record = returned(id);
    await shelves.publish(record);
    const [letter] = (await letters(id, 1)) as [Letter];

    expect((await send('POST', `/dead-letters/${letter.id}/discard`, { reason: ' ' })).statusCode).toBe(400);
    const answer = await send('POST', `/dead-letters/${letter.id}/discard`, { reason: 'a test loan' });
    expect(answer.json()).toMatchObject({ resolution: 'discarded', note: 'a test loan' });

    await mend(id);
    const other = await brokenLoan(1);
    await mend(other.id);
    await shelves.publish(record);
    await send('POST', `/dead-letters/${other.letters[0]!.id}/replay`);
    await shelves.publish(returned(id, 2));
    await eventually(async () => (await statusOf(id)) === 'shelved');
    expect(await shelves.told(id)).toEqual(['shelves.copy-shelved 1']);
    expect(await lettersOf(id)).toHaveLength(1);
  });

  it("keeps the order of its key's events while it is replayed, and misses none", async () => {
    const { id, letters: found } = await brokenLoan(1);
    await mend(id);
    const holder = new Client({ connectionString: shelves.env.DATABASE_URL });
    await holder.connect();
    await holder.query('BEGIN');
    await holder.query('SELECT FROM copy WHERE id = $1 FOR UPDATE', [id]);
    const waiting = async (count: number) => (await shelves.waitingForLocks()) >= count;
    // The replay waits for the copy, and the next event for the replay.
    const replay = send('POST', `/dead-letters/${found[0]!.id}/replay`);
    await eventually(() => waiting(1));
    // Counted in advance, because the handler may never return.
    expect(await lettersOf(id)).toMatchObject([{ attempts: found[0]!.attempts + 1 }]);
    const next = returned(id, 2);
    await shelves.publish(next);
    await eventually(() => waiting(2));

    await holder.query('COMMIT');
    await holder.end();

    expect((await replay).json()).toMatchObject({ failed: null });
    await shelves.handled(next);
    expect(await lettersOf(id, 'open')).toEqual([]);
    expect(await statusOf(id)).toBe('shelved');
  });

  it('is resolved by only one of two operators', async () => {
    const { id, letters: found } = await brokenLoan(1, 2);
    await mend(id);

    const answers = await Promise.all(
      [1, 2, 3].map(() => send('POST', `/dead-letters/${found[0]!.id}/replay`)),
    );

    for (const answer of answers.filter(({ statusCode }) => statusCode !== 200)) {
      expect(answer.json<{ detail: string }>().detail).toContain('was replayed at');
    }
    const replayed = answers.flatMap((answer) => answer.json<{ replayed?: string[] }>().replayed ?? []);
    expect([...replayed].sort()).toEqual(found.map((letter) => letter.id).sort());
    expect(await shelves.told(id)).toEqual(['shelves.copy-shelved 1']);
  });

  it('that is not a valid event stays open when it is replayed', async () => {
    const key = randomUUID();
    await shelves.publish({ topic: 'lending.events', key, headers: {}, value: Buffer.from('{}') });
    const [letter] = (await letters(key, 1)) as [Letter];

    const answer = await send('POST', `/dead-letters/${letter.id}/replay`);

    expect(answer.json()).toEqual({ replayed: [], failed: { id: letter.id, reason: letter.reason } });
    expect(await lettersOf(key, 'open')).toEqual([letter]);
    expect(letter).toMatchObject({ kind: 'malformed', attempts: 0 });
  });

  it("that doesn't exist is reported, and an invalid name refused", async () => {
    expect((await send('GET', '/dead-letters/999999')).statusCode).toBe(404);
    expect((await send('POST', '/dead-letters/999999/replay')).statusCode).toBe(404);
    expect((await send('POST', '/dead-letters/seven/replay')).statusCode).toBe(400);
    expect((await send('GET', '/dead-letters?limit=0')).statusCode).toBe(400);
  });
});
