import { Money } from '@atlas/kernel';
import { FixedClock, SequentialIds } from '@atlas/testing';
import { MemoryActiveFaults } from '../../adapters/driven/memory/active-faults';
import { MemoryBooks } from '../../adapters/driven/memory/books.repository';
import { GetCharge } from '../queries/get-charge';
import { GetFaults } from '../queries/get-faults';
import { ListBookEntries } from '../queries/list-book-entries';
import { ListCharges } from '../queries/list-charges';
import { ClearFaults } from './clear-faults';
import { CreateCharge } from './create-charge';
import { InjectFaults } from './inject-faults';
import { RefundCharge } from './refund-charge';
import { SetFaults } from './set-faults';

function sandbox() {
  const [clock, ids, books] = [new FixedClock(), new SequentialIds(), new MemoryBooks()];
  const faults = new MemoryActiveFaults(clock);
  const createCharge = new CreateCharge(books, clock, ids);
  return {
    clock,
    charge: (source: string, reference = 'order-1') =>
      createCharge.execute({ key: reference, reference, amount: Money.of(487), source }),
    refund: new RefundCharge(books, clock, ids),
    getCharge: new GetCharge(books),
    listCharges: new ListCharges(books),
    listBookEntries: new ListBookEntries(books),
    setFaults: new SetFaults(faults, clock),
    clearFaults: new ClearFaults(faults, clock),
    injectFaults: new InjectFaults(faults, clock),
    getFaults: new GetFaults(faults),
  };
}

describe('The sandbox', () => {
  it('charges the card that approves', async () => {
    const { charge, clock, getCharge, listCharges } = sandbox();
    const made = {
      id: 'ch_00000000000070008000000000000001',
      reference: 'order-1',
      amount: Money.of(487),
      source: 'tok_approve',
      declined: undefined,
      createdAt: clock.now(),
    };
    expect(await charge('tok_approve')).toEqual({ kind: 'created', value: made });
    expect(await getCharge.execute(made.id)).toEqual(made);
    expect(await listCharges.execute('order-1')).toEqual([made]);
  });

  it('declines the card without funds, and any that it does not know', async () => {
    const { charge } = sandbox();
    expect(await charge('tok_decline', 'order-1')).toMatchObject({
      kind: 'created',
      value: { declined: 'insufficient funds' },
    });
    expect(await charge('tok_new', 'order-2')).toMatchObject({
      value: { declined: 'there is no token "tok_new"' },
    });
  });

  it('is silent about the card that is, and charges nothing', async () => {
    const { charge, listCharges } = sandbox();
    expect(await charge('tok_timeout')).toEqual({ kind: 'silent' });
    expect(await listCharges.execute('order-1')).toEqual([]);
  });

  it('refunds a charge, and shows both movements page by page', async () => {
    const { charge, refund, clock, listBookEntries } = sandbox();
    const made = await charge('tok_approve');
    const chargeId = (made as { value: { id: string } }).value.id;
    clock.advance(1_000);
    expect(await refund.execute({ key: 'back', chargeId })).toEqual({
      kind: 'created',
      value: {
        id: 're_00000000000070008000000000000002',
        chargeId,
        amount: Money.of(487),
        createdAt: clock.now(),
      },
    });
    const first = await listBookEntries.execute({ limit: 1 });
    expect(first.entries.map(({ kind }) => kind)).toEqual(['charge']);
    const second = await listBookEntries.execute({ after: first.next, limit: 1 });
    expect(second.entries.map(({ kind }) => kind)).toEqual(['refund']);
  });

  it('injects the faults that are on, from the moment they were turned on until they are turned off', () => {
    const { clock, setFaults, clearFaults, injectFaults, getFaults } = sandbox();
    expect(getFaults.execute().document).toEqual({ seed: 1, faults: [] });
    expect(injectFaults.execute('charge')).toEqual({ delayMs: 0 });
    clock.advance(60_000);
    const fault = { kind: 'reset-before', probability: 1, on: ['charge'], forMs: 1_000 } as const;
    const plan = setFaults.execute({ seed: 7, faults: [fault] });
    expect(getFaults.execute()).toBe(plan);
    clock.advance(999);
    expect(injectFaults.execute('charge').before).toEqual(fault);
    expect(injectFaults.execute('refund').before).toBeUndefined();
    expect(getFaults.execute().injected).toEqual([1]);
    clock.advance(1);
    expect(injectFaults.execute('charge').before).toBeUndefined();
    setFaults.execute({ seed: 7, faults: [fault] });
    clearFaults.execute();
    expect(injectFaults.execute('charge').before).toBeUndefined();
    expect(getFaults.execute().injected).toEqual([]);
  });
});
