import { randomUUID } from 'node:crypto';
import { type NewEvent, OrderCancelled } from '@atlas/contracts';
import type { DeadLetter, DeadLetters, IdempotencyStore, Inbox, Outbox, UnitOfWork } from '@atlas/ports';

/** The transactional ports of one service, as one process sees them. */
export interface Backbone {
  readonly unitOfWork: UnitOfWork;
  readonly outbox: Outbox;
  readonly inbox: Inbox;
  readonly deadLetters: DeadLetters;
  readonly idempotency: IdempotencyStore;
  /** The committed events of the outbox, in order: what the relay would see. */
  committed(): Promise<readonly { readonly subject: string; readonly aggregateVersion: number }[]>;
}

export interface BackboneFixture {
  /** Another process of the same service, on the same data. */
  process(): Promise<Backbone>;
  close(): Promise<void>;
}

const DAY = 86_400_000;

/** What every implementation of the transactional ports must do. */
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
      contract: OrderCancelled,
      subject,
      aggregateVersion,
      data: { orderId: subject, reason: 'out-of-stock' },
    });
    const versionsOf = async (subject: string) =>
      (await ours.committed()).filter((row) => row.subject === subject).map((row) => row.aggregateVersion);

    describe('UnitOfWork', () => {
      it('commits everything done in it together, and hands back what the work yields', async () => {
        const [id, order] = [randomUUID(), randomUUID()];
        const yielded = await ours.unitOfWork.run(async () => {
          await ours.outbox.add([event(order)]);
          expect(await ours.inbox.admit('orders', [id])).toEqual([id]);
          expect(await versionsOf(order)).toEqual([]);
          return 'done';
        });
        expect(yielded).toBe('done');
        expect(await versionsOf(order)).toEqual([1]);
        expect(await theirs.inbox.admit('orders', [id])).toEqual([]);
      });

      it('leaves nothing behind when the work throws, and passes the error on', async () => {
        const [id, order] = [randomUUID(), randomUUID()];
        const failure = new Error('sold out');
        const work = ours.unitOfWork.run(async () => {
          await ours.outbox.add([event(order)]);
          await ours.inbox.admit('orders', [id]);
          throw failure;
        });
        await expect(work).rejects.toBe(failure);
        expect(await versionsOf(order)).toEqual([]);
        expect(await ours.inbox.admit('orders', [id])).toEqual([id]);
      });

      it('joins the unit that is open around it', async () => {
        const order = randomUUID();
        const work = ours.unitOfWork.run(async () => {
          await ours.unitOfWork.run(() => ours.outbox.add([event(order)]));
          throw new Error('the outer work fails');
        });
        await expect(work).rejects.toThrow('the outer work fails');
        expect(await versionsOf(order)).toEqual([]);
      });

      it('keeps units that run at the same time apart', async () => {
        const orders = Array.from({ length: 8 }, () => randomUUID());
        const work = orders.map((order, index) =>
          ours.unitOfWork.run(async () => {
            await ours.outbox.add([event(order)]);
            if (index % 2) throw new Error('odd');
          }),
        );
        await Promise.allSettled(work);
        for (const [index, order] of orders.entries()) {
          expect(await versionsOf(order)).toEqual(index % 2 ? [] : [1]);
        }
      });

      it('tells afterwards that it committed, but not that it rolled back', async () => {
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
    });

    describe('Outbox', () => {
      it('keeps the order in which the events of a unit were added', async () => {
        const order = randomUUID();
        await ours.unitOfWork.run(async () => {
          await ours.outbox.add([event(order, 1), event(order, 2)]);
          await ours.outbox.add([]);
          await ours.outbox.add([event(order, 3)]);
        });
        expect(await versionsOf(order)).toEqual([1, 2, 3]);
      });

      it('refuses an event that breaks its contract, where it is added', async () => {
        const broken = { ...event(randomUUID()), data: { orderId: 'seven' } };
        const work = ours.unitOfWork.run(() => ours.outbox.add([broken]));
        await expect(work).rejects.toThrow("orders.order-cancelled v1 can't be published: orderId");
      });

      it('refuses events outside of a unit of work', async () => {
        await expect(ours.outbox.add([event(randomUUID())])).rejects.toThrow('open unit of work');
      });
    });

    describe('Inbox', () => {
      it('admits an event once for each consumer, also when it comes twice in a batch', async () => {
        const [first, second] = [randomUUID(), randomUUID()];
        expect(await ours.inbox.admit('a', [first, second, first])).toEqual([first, second]);
        expect(await ours.inbox.admit('a', [second])).toEqual([]);
        expect(await ours.inbox.admit('b', [second])).toEqual([second]);
        expect(await ours.inbox.admit('b', [])).toEqual([]);
      });

      it('admits an event to one of two that handle it at the same time', async () => {
        const id = randomUUID();
        const admitted = await Promise.all(
          [ours, theirs].map((process) => process.unitOfWork.run(() => process.inbox.admit('c', [id]))),
        );
        expect(admitted.flat()).toEqual([id]);
      });
    });

    describe('DeadLetters', () => {
      const letter = (key: string | null, offset: number, extra: Partial<DeadLetter> = {}): DeadLetter => ({
        record: {
          topic: 'orders.events',
          partition: 0,
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

      it('block their key, for their consumer and topic alone', async () => {
        const key = randomUUID();
        await ours.deadLetters.add('a', letter(key, 1));
        await ours.deadLetters.add('a', letter(key, 1));
        const other = randomUUID();
        expect([...(await theirs.deadLetters.blockedKeys('a', 'orders.events', [other, key]))]).toEqual([
          key,
        ]);
        expect((await theirs.deadLetters.blockedKeys('b', 'orders.events', [key])).size).toBe(0);
        expect((await theirs.deadLetters.blockedKeys('a', 'payments.events', [key])).size).toBe(0);
      });

      it('take whatever a foreign producer put into key, headers and value', async () => {
        const strange = letter('nul \0 half \ud800', 2, { reason: 'has \0' });
        await ours.deadLetters.add('a', {
          ...strange,
          record: { ...strange.record, headers: { 'nul\0': '\\u0000 \0 \udfff' } },
        });
        expect((await ours.deadLetters.blockedKeys('a', 'orders.events', ['nul \0 half \ud800'])).size).toBe(
          1,
        );
        const empty = letter(null, 3);
        await ours.deadLetters.add('a', { ...empty, record: { ...empty.record, value: null, headers: {} } });
      });
    });

    describe('IdempotencyStore', () => {
      const keyed = (fingerprint = 'f') => ({ scope: 'POST /orders', key: randomUUID(), fingerprint });
      const answer = {
        status: 201,
        headers: { location: '/orders/1' },
        body: { id: '1', zero: 0, a: [null] },
      };

      it('gives the first answer again, to the same request only', async () => {
        const key = keyed();
        await ours.unitOfWork.run(async () => {
          expect(await ours.idempotency.claim(key)).toEqual({ state: 'new' });
          await ours.idempotency.store(key, answer, DAY);
        });
        const claim = (request: typeof key) => theirs.unitOfWork.run(() => theirs.idempotency.claim(request));
        expect(await claim(key)).toEqual({ state: 'answered', answer });
        expect(await claim({ ...key, fingerprint: 'other' })).toEqual({ state: 'other-request' });
        expect(await claim({ ...key, scope: 'POST /refunds' })).toEqual({ state: 'new' });
      });

      it('says at once that another holds the key, and is free again when that one fails', async () => {
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

      it('forgets an answer when its time is over', async () => {
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
    });
  });
}
