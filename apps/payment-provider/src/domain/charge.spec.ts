import { Money } from '@atlas/kernel';
import { type Charge, repeatedCharge, repeatedRefund } from './charge';
import { verdictOn } from './test-cards';

const createdAt = new Date('2026-01-01T10:00:00Z');
const amount = Money.of(487);

describe('A charge that is requested again under its key', () => {
  const known: Charge = { id: 'ch_1', reference: 'order-1', amount, source: 'tok_approve', createdAt };

  it('is the same one, if the request is', () => {
    const again = { ...known, id: 'ch_2', createdAt: new Date() };
    expect(repeatedCharge(again, known)).toEqual({ kind: 'replayed', value: known });
  });

  it.each([
    ['for something else', { reference: 'order-2' }],
    ['over another amount', { amount: Money.of(488) }],
    ['with another card', { source: 'tok_decline' }],
  ])('is refused %s', (_, other) => {
    expect(repeatedCharge({ ...known, ...other }, known)).toEqual({ kind: 'key-reused' });
  });
});

describe('A refund that is requested again', () => {
  const refund = { id: 're_1', chargeId: 'ch_1', amount, createdAt };
  const known = { ...refund, key: 'back' };
  const again = { id: 're_2', chargeId: 'ch_1', key: 'back', createdAt };

  it('is the same one under its key', () => {
    expect(repeatedRefund(again, known)).toEqual({ kind: 'replayed', value: refund });
  });

  it('under another key is one that has happened', () => {
    expect(repeatedRefund({ ...again, key: 'back again' }, known)).toEqual({
      kind: 'already-refunded',
      value: refund,
    });
  });

  it('is refused for another charge under the same key', () => {
    expect(repeatedRefund({ ...again, chargeId: 'ch_2' }, known)).toEqual({ kind: 'key-reused' });
  });
});

describe('A test card', () => {
  it('decides the outcome by its token', () => {
    expect(verdictOn('tok_approve')).toEqual({ kind: 'approved' });
    expect(verdictOn('tok_decline')).toEqual({ kind: 'declined', reason: 'insufficient funds' });
    expect(verdictOn('tok_timeout')).toEqual({ kind: 'silent' });
    expect(verdictOn('tok_new')).toEqual({ kind: 'declined', reason: 'there is no token "tok_new"' });
  });
});
