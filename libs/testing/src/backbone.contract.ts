import { randomBytes, randomUUID } from 'node:crypto';
import type { NewEvent } from '@atlas/events';
import {
  type Attempt,
  type Attempts,
  type ConsumedRecord,
  type DeadLetter,
  type DeadLetters,
  type IdempotencyStore,
  type Inbox,
  type Outbox,
  type PartitionDescription,
  PositionMovedError,
  type Positions,
  type StoredDeadLetter,
  textOf,
  type UnitOfWork,
} from '@atlas/ports/adapters';
import fc from 'fast-check';
import { BookReturned } from './lending';

/** The transactional ports of a service, as used by one process. */
export interface Backbone {
  readonly unitOfWork: UnitOfWork;
  readonly outbox: Outbox;
  readonly inbox: Inbox;
  readonly deadLetters: DeadLetters;
  readonly positions: Positions;
  readonly attempts: Attempts;
  readonly idempotency: IdempotencyStore;
  /** The committed events of the outbox in order, as the relay would see them. */
  committed(): Promise<readonly { readonly subject: string; readonly aggregateVersion: number }[]>;
}

export interface BackboneFixture {
  /** Another process of the same service, on the same data. */
  process(): Promise<Backbone>;
  close(): Promise<void>;
}

const DAY = 86_400_000;

/** The contract that every implementation of the transactional ports must pass. */
export function backboneContract(name: string, open: () => Promise<BackboneFixture>): void {
  describe(`The transactional ports on ${name}`, () => {
    let fixture: BackboneFixture;
    let ours: Backbone;
    let theirs: Backbone;

    beforeAll(async () => {
      fixture = await open();
      ours = await fixture.process();
      theirs = await fixture.process();
    });
    afterAll(() => fixture?.close());

    const event = (subject: string, aggregateVersion = 1): NewEvent => ({
      contract: BookReturned,
      subject,
      aggregateVersion,
      data: { loanId: subject, condition: 'good' },
    });
    const versionsOf = async (subject: string) =>
      (await ours.committed()).filter((row) => row.subject === subject).map((row) => row.aggregateVersion);

    describe('UnitOfWork', () => {
      it('commits all its changes together, and returns the result of the work', async () => {
        const [id, loan] = [randomUUID(), randomUUID()];
        const yielded = await ours.unitOfWork.run(async () => {
          await ours.outbox.add([event(loan)]);
          expect(await ours.inbox.admit('shelves', [id])).toEqual([id]);
          expect(await versionsOf(loan)).toEqual([]);
          return 'done';
        });
        expect(yielded).toBe('done');
        expect(await versionsOf(loan)).toEqual([1]);
        expect(await theirs.inbox.admit('shelves', [id])).toEqual([]);
      });

      it('rolls back and rethrows when the work throws', async () => {
        const [id, loan] = [randomUUID(), randomUUID()];
        const failure = new Error('no copy left');
        const work = ours.unitOfWork.run(async () => {
          await ours.outbox.add([event(loan)]);
          await ours.inbox.admit('shelves', [id]);
          throw failure;
        });
        await expect(work).rejects.toBe(failure);
        expect(await versionsOf(loan)).toEqual([]);
        expect(await ours.inbox.admit('shelves', [id])).toEqual([id]);
      });

      it('ends when its signal aborts, even if the work never does, and takes nothing from it afterwards', async () => {
        const [id, late] = [randomUUID(), randomUUID()];
        const overdue = new AbortController();
        const release = Promise.withResolvers<void>();
        const afterwards = Promise.withResolvers<string>();
        const work = ours.unitOfWork.run(async () => {
          await ours.inbox.admit('late', [id]);
          overdue.abort(new Error('overdue'));
          await release.promise;
          await ours.inbox.admit('late', [late]).then(
            () => afterwards.resolve('done'),
            () => afterwards.resolve('refused'),
          );
          return new Promise(() => undefined);
        }, overdue.signal);
        await expect(work).rejects.toThrow('overdue');
        release.resolve();
        expect(await afterwards.promise).toBe('refused');
        expect(await theirs.inbox.admit('late', [id, late])).toEqual([id, late]);
      });

      it('knows that its database responds', async () => {
        expect(await ours.unitOfWork.responds()).toBe(true);
      });

      it('joins the open unit', async () => {
        const loan = randomUUID();
        const work = ours.unitOfWork.run(async () => {
          await ours.unitOfWork.run(() => ours.outbox.add([event(loan)]));
          throw new Error('the outer work fails');
        });
        await expect(work).rejects.toThrow('the outer work fails');
        expect(await versionsOf(loan)).toEqual([]);
      });

      it('isolates concurrent units', async () => {
        const loans = Array.from({ length: 8 }, () => randomUUID());
        const work = loans.map((loan, index) =>
          ours.unitOfWork.run(async () => {
            await ours.outbox.add([event(loan)]);
            if (index % 2) throw new Error('odd');
          }),
        );
        await Promise.allSettled(work);
        for (const [index, loan] of loans.entries()) {
          expect(await versionsOf(loan)).toEqual(index % 2 ? [] : [1]);
        }
      });

      it('runs callbacks after a commit, but not after a rollback', async () => {
        const told: string[] = [];
        await ours.unitOfWork.run(async () => {
          ours.unitOfWork.afterCommit(() => told.push('first'));
          expect(told).toEqual([]);
        });
        const failing = ours.unitOfWork.run(async () => {
          ours.unitOfWork.afterCommit(() => told.push('second'));
          throw new Error('no');
        });
        await expect(failing).rejects.toThrow('no');
        expect(told).toEqual(['first']);
      });

      it('runs callbacks immediately if no unit is open', async () => {
        const told: string[] = [];
        ours.unitOfWork.afterCommit(() => told.push('at once'));
        expect(told).toEqual(['at once']);
      });
    });

    describe('Outbox', () => {
      it('keeps the order of the events added in a unit', async () => {
        const loan = randomUUID();
        await ours.unitOfWork.run(async () => {
          await ours.outbox.add([event(loan, 1), event(loan, 2)]);
          await ours.outbox.add([]);
          await ours.outbox.add([event(loan, 3)]);
        });
        expect(await versionsOf(loan)).toEqual([1, 2, 3]);
      });

      it('refuses an event that violates its contract when it is added', async () => {
        const broken = { ...event(randomUUID()), data: { loanId: 'seven' } };
        const work = ours.unitOfWork.run(() => ours.outbox.add([broken]));
        await expect(work).rejects.toThrow("lending.book-returned v1 can't be published: loanId");
      });

      it('refuses events outside of a unit of work', async () => {
        await expect(ours.outbox.add([event(randomUUID())])).rejects.toThrow('open unit of work');
      });
    });

    describe('Inbox', () => {
      it('admits an event once per consumer, even if a batch contains it twice', async () => {
        const [first, second] = [randomUUID(), randomUUID()];
        expect(await ours.inbox.admit('a', [first, second, first])).toEqual([first, second]);
        expect(await ours.inbox.admit('a', [second])).toEqual([]);
        expect(await ours.inbox.admit('b', [second])).toEqual([second]);
        expect(await ours.inbox.admit('b', [])).toEqual([]);
      });

      it('admits an event to only one of two concurrent handlers', async () => {
        const id = randomUUID();
        const admitted = await Promise.all(
          [ours, theirs].map((process) => process.unitOfWork.run(() => process.inbox.admit('c', [id]))),
        );
        expect(admitted.flat()).toEqual([id]);
      });

      it('admits an event that another unit has admitted only if that one fails', async () => {
        for (const fails of [false, true]) {
          const id = randomUUID();
          const [begun, over] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
          const first = ours.unitOfWork.run(async () => {
            await ours.inbox.admit('h', [id]);
            begun.resolve();
            await over.promise;
          });
          await begun.promise;
          let isDecided = false;
          const second = theirs.inbox.admit('h', [id]).finally(() => (isDecided = true));
          // Others are admitted meanwhile; this one waits.
          expect(await theirs.inbox.admit('h', [randomUUID()])).toHaveLength(1);
          expect(isDecided).toBe(false);
          if (fails) {
            over.reject(new Error('the first fails'));
            await expect(first).rejects.toThrow('the first fails');
          } else {
            over.resolve();
            await first;
          }
          expect(await second).toEqual(fails ? [id] : []);
        }
      });

      it('knows which events were handled, including those in the open unit of work', async () => {
        const [before, now, never] = [randomUUID(), randomUUID(), randomUUID()];
        await ours.inbox.admit('d', [before]);
        await ours.unitOfWork.run(async () => {
          await ours.inbox.admit('d', [now]);
          expect(await ours.inbox.handled('d', [before, now, never])).toEqual(new Set([before, now]));
          expect(await theirs.inbox.handled('d', [before, now, never])).toEqual(new Set([before]));
        });
        expect((await ours.inbox.handled('e', [before])).size).toBe(0);
        expect((await ours.inbox.handled('d', [])).size).toBe(0);
      });

      it('deletes old entries of one consumer, up to the limit', async () => {
        const ids = Array.from({ length: 5 }, () => randomUUID());
        await ours.inbox.admit('f', ids);
        await ours.inbox.admit('g', ids);
        expect(await ours.inbox.prune('f', DAY, 10)).toBe(0);
        expect(await ours.inbox.prune('f', -DAY, 2)).toBe(2);
        expect((await ours.inbox.handled('f', ids)).size).toBe(3);
        expect(await ours.inbox.prune('f', -DAY, 10)).toBe(3);
        expect((await ours.inbox.handled('g', ids)).size).toBe(5);
      });
    });

    describe('Positions', () => {
      const part = (partition: number, extra: Partial<PartitionDescription> = {}): PartitionDescription => ({
        topic: 'lending.events',
        partition,
        log: 'one',
        start: 0,
        end: 100,
        ...extra,
      });
      let consumer: string;
      const at = async (place: PartitionDescription) => (await theirs.positions.open(consumer, [place]))[0];

      beforeEach(() => {
        consumer = randomUUID();
      });

      it('begin at the oldest record of a log, and are given in the order of the question', async () => {
        const [first, second] = [part(0, { start: 7 }), part(1)];
        expect(await ours.positions.open(consumer, [])).toEqual([]);
        expect(await ours.positions.open(consumer, [second, first])).toEqual([0, 7]);
        await ours.positions.set(consumer, first, 9);
        expect(await theirs.positions.open(consumer, [part(2), first, second])).toEqual([0, 9, 0]);
        expect(await theirs.positions.open(randomUUID(), [first])).toEqual([7]);
      });

      it('are others in a topic that is made anew, whose offsets come again', async () => {
        await ours.positions.set(consumer, part(0), 9);
        const anew = part(0, { log: 'two' });
        expect(await at(anew)).toBe(0);
        await ours.unitOfWork.run(() => ours.positions.move(consumer, anew, 0, 3));
        expect(await at(part(0))).toBe(9);
        expect(await ours.positions.list(consumer)).toEqual(
          expect.arrayContaining([
            { topic: 'lending.events', partition: 0, log: 'one', next: 9, movedAt: expect.any(Date) as Date },
            { topic: 'lending.events', partition: 0, log: 'two', next: 3, movedAt: expect.any(Date) as Date },
          ]),
        );
      });

      it('move with the unit of work, or stay with it', async () => {
        const [place] = [part(0)];
        await at(place);
        const work = ours.unitOfWork.run(async () => {
          await ours.positions.move(consumer, place, 0, 5);
          throw new Error('the handler fails');
        });
        await expect(work).rejects.toThrow('the handler fails');
        expect(await at(place)).toBe(0);
        await ours.unitOfWork.run(() => ours.positions.move(consumer, place, 0, 5));
        expect(await at(place)).toBe(5);
      });

      it('move only from where they are, and never unopened', async () => {
        const place = part(0);
        const move = (from: number, to: number) =>
          ours.unitOfWork.run(() => ours.positions.move(consumer, place, from, to));
        await expect(move(0, 5)).rejects.toThrow(PositionMovedError);
        await at(place);
        await expect(move(3, 5)).rejects.toThrow(PositionMovedError);
        await move(0, 5);
        await expect(move(0, 5)).rejects.toThrow(`"${consumer}" in lending.events/0 is no longer 0`);
        expect(await at(place)).toBe(5);
      });

      it('are moved by only one of two owners, whose effects alone remain', async () => {
        const [place, loan] = [part(0), randomUUID()];
        await at(place);
        const outcomes = await Promise.allSettled(
          [ours, theirs].map((process) =>
            process.unitOfWork.run(async () => {
              await process.positions.move(consumer, place, 0, 5);
              await process.outbox.add([event(loan)]);
            }),
          ),
        );
        expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
        expect(outcomes.find((outcome) => outcome.status === 'rejected')?.reason).toBeInstanceOf(
          PositionMovedError,
        );
        expect(await versionsOf(loan)).toEqual([1]);
        expect(await at(place)).toBe(5);
      });
    });

    describe('Attempts', () => {
      const batch = (offset: number): Attempt => ({
        unit: 'batch',
        topic: 'lending.events',
        partition: 1,
        log: 'first',
        offset,
      });

      it('count unfinished attempts at the same record, across processes', async () => {
        expect(await ours.attempts.begin('a', batch(7))).toBe(1);
        expect(await theirs.attempts.begin('a', batch(7))).toBe(2);
        expect(await ours.attempts.begin('b', batch(7))).toBe(1);
        expect(await ours.attempts.begin('a', { ...batch(7), unit: 'record' })).toBe(1);
        await ours.attempts.end('a', 'lending.events', 1);
        expect(await ours.attempts.begin('a', batch(7))).toBe(1);
        expect(await ours.attempts.begin('a', { ...batch(7), unit: 'record' })).toBe(1);
      });

      it('are counted per offset, and restart at one on request', async () => {
        await ours.attempts.begin('c', batch(7));
        expect(await ours.attempts.begin('c', batch(7), true)).toBe(1);
        expect(await ours.attempts.begin('c', batch(7))).toBe(2);
        expect(await ours.attempts.begin('c', batch(5))).toBe(1);
        expect(await ours.attempts.begin('c', batch(7))).toBe(3);
        await ours.attempts.end('c', 'lending.events', 1);
        expect(await ours.attempts.begin('c', batch(5))).toBe(1);
      });

      it('are counted anew in a log that is made anew', async () => {
        await ours.attempts.begin('e', batch(7));
        expect(await ours.attempts.begin('e', { ...batch(7), log: 'second' })).toBe(1);
        expect(await ours.attempts.begin('e', batch(7))).toBe(2);
        await ours.attempts.end('e', 'lending.events', 1);
        expect(await ours.attempts.begin('e', { ...batch(7), log: 'second' })).toBe(1);
      });

      it('are recorded immediately, even if the open unit of work fails', async () => {
        const work = ours.unitOfWork.run(async () => {
          await ours.attempts.begin('d', batch(3));
          throw new Error('the process ends');
        });
        await expect(work).rejects.toThrow('the process ends');
        expect(await ours.attempts.begin('d', batch(3))).toBe(2);
      });
    });

    describe('DeadLetters', () => {
      const letter = (key: string | null, offset: number, extra: Partial<DeadLetter> = {}): DeadLetter => ({
        record: {
          topic: 'lending.events',
          partition: 0,
          log: 'the log',
          offset,
          key,
          headers: { ce_type: 'x' },
          value: Buffer.from([0xff, 0]),
          timestamp: 1_767_225_600_000,
        },
        kind: 'handler-failed',
        reason: 'it broke',
        attempts: 3,
        ...extra,
      });

      it('block their key, for their consumer and topic only', async () => {
        const key = randomUUID();
        await ours.deadLetters.add('a', letter(key, 1));
        await ours.deadLetters.add('a', letter(key, 1));
        const other = randomUUID();
        expect([...(await theirs.deadLetters.blockedKeys('a', 'lending.events', [other, key]))]).toEqual([
          key,
        ]);
        expect((await theirs.deadLetters.blockedKeys('b', 'lending.events', [key])).size).toBe(0);
        expect((await theirs.deadLetters.blockedKeys('a', 'shelves.events', [key])).size).toBe(0);
      });

      /** The letters of a new consumer. */
      const stored = async (...records: ConsumedRecord[]): Promise<readonly StoredDeadLetter[]> => {
        const consumer = randomUUID();
        for (const record of records) {
          expect(await ours.deadLetters.add(consumer, { ...letter(null, 0), record })).toBe(true);
        }
        return ours.deadLetters.list(consumer, { state: 'open', limit: 100 });
      };

      it('keep any record that a foreign producer may send, byte for byte', async () => {
        const bytes = fc.uint8Array({ maxLength: 64 }).map((array) => Buffer.from(array));
        const text = fc.oneof(bytes.map(textOf), fc.string({ unit: 'binary' }));
        const record = fc.record({
          topic: fc.constant('lending.events'),
          partition: fc.nat(),
          log: fc.uuid(),
          offset: fc.maxSafeNat(),
          key: fc.option(text),
          headers: fc.dictionary(fc.oneof(fc.string({ unit: 'binary' }), fc.constant('__proto__')), text, {
            noNullPrototype: true,
          }),
          value: fc.option(bytes),
          timestamp: fc.integer({ min: -8.64e15, max: 8.64e15 }),
        });
        await fc.assert(
          fc.asyncProperty(record, async (each) => {
            const [found] = await stored(each);
            expect(found?.record).toEqual(each);
            expect(Object.entries(found?.record.headers ?? {})).toEqual(Object.entries(each.headers));
          }),
          { numRuns: 50 },
        );
      });

      it('keep a key and a header of a megabyte, and ten thousand headers', async () => {
        const large = randomBytes(1_000_000);
        const { record } = letter(null, 4);
        const headers = Object.fromEntries(Array.from({ length: 10_000 }, (_, n) => [`h${n}`, `${n}`]));
        const records = [
          { ...record, key: textOf(large) },
          { ...record, headers: { large: textOf(large) }, offset: 5 },
          { ...record, headers, offset: 6 },
        ];
        expect((await stored(...records)).map((each) => each.record)).toEqual(records);
      });

      it('block a key of any size and of any bytes, and no other key', async () => {
        const consumer = randomUUID();
        const keys = ['', 'nul \0', textOf(randomBytes(1_000_000)), textOf(Buffer.from([0xff]))];
        const others = [' ', 'nul ', textOf(Buffer.from([0xfe])), '\ufffd'];
        for (const [offset, key] of keys.entries()) await ours.deadLetters.add(consumer, letter(key, offset));
        const blocked = await theirs.deadLetters.blockedKeys(consumer, 'lending.events', [
          ...keys,
          ...others,
        ]);
        expect(blocked).toEqual(new Set(keys));
      });

      it('are listed in pages that fit into memory, however large their records are', async () => {
        const consumer = randomUUID();
        const { record } = letter(null, 0);
        const value = Buffer.alloc(1_000_000);
        for (let offset = 0; offset < 40; offset += 1) {
          await ours.deadLetters.add(consumer, { ...letter(null, 0), record: { ...record, offset, value } });
        }
        const offsets: number[] = [];
        for (let after = '0'; ;) {
          const page = await ours.deadLetters.list(consumer, { state: 'open', limit: 100, after });
          const bytes = page.reduce((sum, each) => sum + (each.record.value?.length ?? 0), 0);
          expect(bytes).toBeLessThanOrEqual(20_000_000);
          offsets.push(...page.map((each) => each.record.offset));
          const last = page.at(-1);
          if (!last) break;
          after = last.id;
        }
        expect(offsets).toEqual(Array.from({ length: 40 }, (_, offset) => offset));
      });

      it('are as many as there are records, also if a log begins anew or uses an offset twice', async () => {
        const consumer = randomUUID();
        const key = randomUUID();
        const first = letter(key, 7);
        const { record } = first;
        const records = [
          record,
          { ...record, log: 'another' },
          { ...record, timestamp: record.timestamp + 1 },
          { ...record, key: null },
          { ...record, headers: {} },
          { ...record, value: Buffer.alloc(0) },
          { ...record, value: null },
        ];
        for (const each of [...records, ...records]) {
          expect(await ours.deadLetters.add(consumer, { ...first, record: each })).toBe(true);
        }
        const stored = await theirs.deadLetters.list(consumer, { state: 'open', limit: 100 });
        expect(stored.map((each) => each.record)).toEqual(records);
        await ours.unitOfWork.run(async () => {
          expect((await ours.deadLetters.lockFirst(consumer, stored[1]!))?.id).toBe(stored[0]!.id);
          await ours.deadLetters.resolve(consumer, stored[0]!.id, 'discarded');
          expect((await ours.deadLetters.lockFirst(consumer, stored[2]!))?.id).toBe(stored[1]!.id);
        });
        expect(await ours.deadLetters.add(consumer, first)).toBe(false);
        expect(await ours.deadLetters.add(consumer, { ...first, record: records[1]! })).toBe(true);
      });

      it('keep a reason that quotes the record', async () => {
        const consumer = randomUUID();
        await ours.deadLetters.add(consumer, letter('a', 2, { reason: 'has \0 and \ud800' }));
        const [found] = await ours.deadLetters.list(consumer, { state: 'open', limit: 1 });
        expect(found?.reason).toMatch(/^has . and .$/);
      });
    });

    describe('DeadLetters, for operators', () => {
      const letter = (key: string | null, offset: number): DeadLetter => ({
        record: {
          topic: 'shelves.events',
          partition: 2,
          log: 'the log',
          offset,
          key,
          headers: { ce_type: 'x', traceparent: 'y' },
          value: Buffer.from('{}'),
          timestamp: 1_767_225_600_000,
        },
        kind: 'parked',
        reason: 'another one waits',
        attempts: 0,
      });
      /** Adds letters for a new consumer, and returns them as stored. */
      const kept = async (...letters: DeadLetter[]) => {
        const consumer = randomUUID();
        for (const each of letters) expect(await ours.deadLetters.add(consumer, each)).toBe(true);
        const stored = await ours.deadLetters.list(consumer, { state: 'open', limit: 100 });
        return { consumer, stored: stored as [StoredDeadLetter, ...StoredDeadLetter[]] };
      };

      it('are listed in order of arrival, page by page, and found by id', async () => {
        const { consumer, stored } = await kept(letter('a', 5), letter('b', 3), letter(null, 4));
        expect(stored.map(({ record }) => record)).toEqual(
          [letter('a', 5), letter('b', 3), letter(null, 4)].map(({ record }) => record),
        );
        const page = await ours.deadLetters.list(consumer, { state: 'open', limit: 2 });
        const rest = await ours.deadLetters.list(consumer, { state: 'all', limit: 2, after: page[1]!.id });
        expect([...page, ...rest].map(({ id }) => id)).toEqual(stored.map(({ id }) => id));
        expect(await theirs.deadLetters.find(consumer, stored[0].id)).toEqual(stored[0]);
        expect(await ours.deadLetters.find('another', stored[0].id)).toBeUndefined();
      });

      it('no longer block their key once resolved, and stay resolved when the record is redelivered', async () => {
        const { consumer, stored } = await kept(letter('a', 1), letter('a', 2));
        const [first, second] = stored as [StoredDeadLetter, StoredDeadLetter];
        const blocked = async () =>
          (await ours.deadLetters.blockedKeys(consumer, 'shelves.events', ['a'])).size;
        expect(await ours.deadLetters.countOpen(consumer, 9)).toBe(2);
        expect(await ours.deadLetters.countOpen(consumer, 1)).toBe(1);
        await ours.deadLetters.resolve(consumer, first.id, 'replayed');
        expect(await ours.deadLetters.countOpen(consumer, 9)).toBe(1);
        expect(await blocked()).toBe(1);
        await ours.deadLetters.resolve(consumer, second.id, 'discarded', 'a test loan');
        expect(await blocked()).toBe(0);
        expect(await ours.deadLetters.add(consumer, letter('a', 1))).toBe(false);
        expect(await blocked()).toBe(0);
        expect(await ours.deadLetters.list(consumer, { state: 'open', limit: 9 })).toEqual([]);
        const all = await ours.deadLetters.list(consumer, { state: 'all', limit: 9 });
        expect(all.map(({ resolution, note }) => [resolution, note])).toEqual([
          ['replayed', undefined],
          ['discarded', 'a test loan'],
        ]);
        expect(all.every(({ resolvedAt }) => resolvedAt instanceof Date)).toBe(true);
        await ours.deadLetters.resolve(consumer, second.id, 'replayed');
        expect(await ours.deadLetters.find(consumer, second.id)).toMatchObject({ resolution: 'discarded' });
      });

      it('are locked in order of arrival, one per key, by one operator at a time', async () => {
        const { consumer, stored } = await kept(letter('a', 6), letter('a', 8), letter(null, 9));
        const [earlier, later, without] = stored as [StoredDeadLetter, StoredDeadLetter, StoredDeadLetter];
        const events: string[] = [];
        const holding = Promise.withResolvers<void>();
        const release = Promise.withResolvers<void>();
        const ourWork = ours.unitOfWork.run(async () => {
          expect((await ours.deadLetters.lockFirst(consumer, later))?.id).toBe(earlier.id);
          holding.resolve();
          await release.promise;
          await ours.deadLetters.resolve(consumer, earlier.id, 'replayed');
          events.push('ours');
        });
        await holding.promise;
        const theirWork = theirs.unitOfWork.run(async () => {
          const next = await theirs.deadLetters.lockFirst(consumer, later);
          events.push('theirs');
          return next?.id;
        });
        const parking = theirs.unitOfWork.run(() =>
          theirs.deadLetters.blockedKeys(consumer, 'shelves.events', ['a']),
        );
        release.resolve();
        await ourWork;
        expect(await theirWork).toBe(later.id);
        expect((await parking).size).toBe(1);
        expect(events).toEqual(['ours', 'theirs']);
        await ours.unitOfWork.run(async () => {
          expect((await ours.deadLetters.lockFirst(consumer, without))?.id).toBe(without.id);
          await ours.deadLetters.resolve(consumer, without.id, 'replayed');
          expect(await ours.deadLetters.lockFirst(consumer, without)).toBeUndefined();
        });
      });

      it('record failed retries, and stay open', async () => {
        const { consumer, stored } = await kept(letter('a', 1));
        const [{ id, triedAt }] = stored;
        expect(triedAt).toBeUndefined();
        await ours.deadLetters.tryAgain(consumer, id);
        expect(await theirs.deadLetters.find(consumer, id)).toMatchObject({
          kind: 'parked',
          attempts: 1,
          triedAt: expect.any(Date) as unknown,
        });
        const why = { kind: 'handler-failed', reason: 'it broke again' } as const;
        expect(await ours.deadLetters.failedAgain(consumer, id, why)).toBe(true);
        expect(await theirs.deadLetters.find(consumer, id)).toMatchObject({
          kind: 'handler-failed',
          reason: 'it broke again',
          attempts: 1,
          resolution: undefined,
        });
        await theirs.deadLetters.resolve(consumer, id, 'replayed');
        expect(await ours.deadLetters.failedAgain(consumer, id, { ...why, reason: 'too late' })).toBe(false);
        expect(await ours.deadLetters.find(consumer, id)).toMatchObject({ reason: 'it broke again' });
      });

      it('are deleted some time after they were resolved, and never while they are open', async () => {
        const { consumer, stored } = await kept(letter('a', 1), letter('b', 2), letter('c', 3));
        for (const { id } of stored.slice(1)) await ours.deadLetters.resolve(consumer, id, 'replayed');
        expect(await ours.deadLetters.prune(consumer, DAY, 10)).toBe(0);
        expect(await ours.deadLetters.prune('another', -DAY, 10)).toBe(0);
        expect(await ours.deadLetters.prune(consumer, -DAY, 1)).toBe(1);
        expect(await ours.deadLetters.prune(consumer, -DAY, 10)).toBe(1);
        expect(await ours.deadLetters.list(consumer, { state: 'all', limit: 9 })).toEqual([stored[0]]);
        const [another] = await kept(letter('d', 4)).then((more) => more.stored);
        expect(stored.map(({ id }) => id)).not.toContain(another.id);
      });
    });

    describe('IdempotencyStore', () => {
      const keyed = (fingerprint = 'f') => ({ scope: 'POST /loans', key: randomUUID(), fingerprint });
      const answer = {
        status: 201,
        headers: { location: '/loans/1' },
        body: { id: '1', zero: 0, a: [null] },
      };

      it('repeats the first response, for the same request only', async () => {
        const key = keyed();
        await ours.unitOfWork.run(async () => {
          expect(await ours.idempotency.claim(key)).toEqual({ state: 'new' });
          await ours.idempotency.store(key, answer, DAY);
        });
        const claim = (request: typeof key) => theirs.unitOfWork.run(() => theirs.idempotency.claim(request));
        expect(await claim(key)).toEqual({ state: 'answered', answer });
        expect(await claim({ ...key, fingerprint: 'other' })).toEqual({ state: 'other-request' });
        expect(await claim({ ...key, scope: 'POST /renewals' })).toEqual({ state: 'new' });
      });

      it('reports immediately that another request holds the key, and releases the key if that one fails', async () => {
        const key = keyed();
        const work = ours.unitOfWork.run(async () => {
          await ours.idempotency.claim(key);
          const verdict = await theirs.unitOfWork.run(() => theirs.idempotency.claim(key));
          expect(verdict).toEqual({ state: 'in-flight' });
          await ours.idempotency.store(key, answer, DAY);
          throw new Error('crash');
        });
        await expect(work).rejects.toThrow('crash');
        expect(await theirs.unitOfWork.run(() => theirs.idempotency.claim(key))).toEqual({ state: 'new' });
      });

      it('forgets an expired response', async () => {
        const key = keyed();
        await ours.unitOfWork.run(async () => {
          await ours.idempotency.claim(key);
          await ours.idempotency.store(key, { ...answer, body: undefined }, -1);
        });
        await theirs.unitOfWork.run(async () => {
          const again = { ...key, fingerprint: 'other' };
          expect(await theirs.idempotency.claim(again)).toEqual({ state: 'new' });
          await theirs.idempotency.store(again, { ...answer, body: undefined }, DAY);
          expect(await theirs.idempotency.claim(again)).toEqual({
            state: 'answered',
            answer: { ...answer, body: undefined },
          });
        });
      });

      it('prunes only expired responses, a page at a time', async () => {
        while ((await ours.idempotency.prune(100)) > 0);
        const store = (key: ReturnType<typeof keyed>, ttlMs: number) =>
          ours.unitOfWork.run(async () => {
            await ours.idempotency.claim(key);
            await ours.idempotency.store(key, answer, ttlMs);
          });
        const valid = keyed();
        await store(valid, DAY);
        for (let expired = 0; expired < 5; expired += 1) await store(keyed(), -1);
        expect(await theirs.idempotency.prune(3)).toBe(3);
        expect(await ours.idempotency.prune(3)).toBe(2);
        expect(await ours.idempotency.prune(3)).toBe(0);
        expect(await ours.unitOfWork.run(() => ours.idempotency.claim(valid))).toMatchObject({
          state: 'answered',
        });
      });

      it('neither prunes nor waits for an expired key that is being reused', async () => {
        const key = keyed();
        await ours.unitOfWork.run(async () => {
          await ours.idempotency.claim(key);
          await ours.idempotency.store(key, answer, -1);
        });
        await ours.unitOfWork.run(async () => {
          await ours.idempotency.claim(key);
          await ours.idempotency.store(key, answer, DAY);
          expect(await theirs.idempotency.prune(100)).toBe(0);
        });
        expect(await theirs.idempotency.prune(100)).toBe(0);
        expect(await ours.unitOfWork.run(() => ours.idempotency.claim(key))).toMatchObject({
          state: 'answered',
        });
      });
    });
  });
}
