import fc from 'fast-check';
import { MAX_TITLE, SupportCase } from './support-case';

/** Whatever can happen to a support case, by its method. */
const TRANSITIONS = ['close'] as const;

const at = new Date('2026-01-01T10:00:00Z');
const later = new Date('2026-01-01T10:00:05Z');
const open = (title = 'The first') => SupportCase.open({ id: 'support-case-1', title, at });

describe('A support case', () => {
  it('is opened with a title', () => {
    const { next, events } = open();
    expect(events).toEqual([{ type: 'support-case-opened', title: 'The first' }]);
    expect(next.snapshot()).toEqual({
      id: 'support-case-1',
      title: 'The first',
      status: 'open',
      version: 1,
      openedAt: at,
      changedAt: at,
    });
  });

  it(`has a title of 1 to ${MAX_TITLE} characters`, () => {
    expect(open('x'.repeat(MAX_TITLE)).next.snapshot().title).toHaveLength(MAX_TITLE);
    expect(() => open('')).toThrow(`1 to ${MAX_TITLE} characters, not 0`);
    expect(() => open('x'.repeat(MAX_TITLE + 1))).toThrow(`not ${MAX_TITLE + 1}`);
  });

  it('is closed once', () => {
    const { next, events } = open().next.close(later);
    expect(events).toEqual([{ type: 'support-case-closed' }]);
    expect(next.snapshot()).toMatchObject({ status: 'closed', version: 2, openedAt: at, changedAt: later });
    const again = next.close(new Date('2026-01-02T00:00:00Z'));
    expect(again).toMatchObject({ next, events: [] });
  });

  it('has a version for each of its events, whatever happens to it', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...TRANSITIONS)), (transitions) => {
        let { next: supportCase, events } = open();
        let count = events.length;
        for (const transition of transitions) {
          ({ next: supportCase, events } = supportCase[transition](later));
          count += events.length;
        }
        expect(supportCase.version).toBe(count);
      }),
    );
  });
});
