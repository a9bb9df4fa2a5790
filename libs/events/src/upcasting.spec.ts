import { z } from 'zod';
import { decoderOf, encodeEvent, type EncodedEvent } from './codec';
import { defineEvent, type EventContract, upcastFrom } from './event-contract';

const SALE = { type: 'museum.sold', owner: 'museum', aggregate: 'sale' } as const;

const first = defineEvent({
  ...{ ...SALE, version: 1 },
  data: z.object({ euros: z.number() }),
  examples: [{ euros: 3.5 }],
});
const second = defineEvent({
  ...{ ...SALE, version: 2 },
  data: z.object({ cents: z.int().min(0) }),
  examples: [{ cents: 350 }],
  previous: upcastFrom(first, ({ euros }) => ({ cents: Math.round(euros * 100) })),
});
const third = defineEvent({
  ...{ ...SALE, version: 3 },
  data: z.object({ amount: z.object({ minorUnits: z.int(), currency: z.string() }) }),
  examples: [{ amount: { minorUnits: 350, currency: 'EUR' } }],
  previous: upcastFrom(second, ({ cents }) => ({ amount: { minorUnits: cents, currency: 'EUR' } })),
});

const written = <Data>(contract: EventContract<Data>, data: Data): EncodedEvent =>
  encodeEvent(contract, {
    id: '01890f3e-7b0a-7cc0-98c5-dbe7c54f2a11',
    type: contract.type,
    schemaVersion: contract.version,
    source: contract.owner,
    subject: 'sale-1',
    aggregateVersion: 1,
    time: '2026-01-01T10:00:00.000Z',
    correlationId: 'request-1',
    data,
  });

describe('An event with several versions', () => {
  const decode = decoderOf([third]);
  const amount = { minorUnits: 350, currency: 'EUR' };

  it.each([
    ['the first', written(first, { euros: 3.5 })],
    ['the second', written(second, { cents: 350 })],
    ['the newest', written(third, { amount })],
  ])('written in %s version reaches handlers in the newest version', (_, record) => {
    expect(decode(record)).toMatchObject({ ok: true, value: { schemaVersion: 3, data: { amount } } });
  });

  it('written in an unknown future version is refused', () => {
    expect(decoderOf([second])(written(third, { amount }))).toMatchObject({
      ok: false,
      error: { kind: 'unknown-version', reason: expect.stringContaining('known versions: 2, 1') },
    });
  });

  it('is validated against the version it was written in', () => {
    const record = { ...written(first, { euros: 3.5 }), value: Buffer.from('{"cents":350}') };
    expect(decode(record)).toMatchObject({
      ok: false,
      error: { kind: 'invalid-data', reason: expect.stringContaining('museum.sold v1: euros:') },
    });
  });

  it('is refused if its upcaster produces invalid data', () => {
    expect(decode(written(first, { euros: -1 }))).toMatchObject({
      ok: false,
      error: {
        kind: 'invalid-data',
        reason: expect.stringContaining('museum.sold v1: turned into v2: cents:'),
      },
    });
  });

  it('is refused if its upcaster throws, and the consumer continues', () => {
    const broken = defineEvent({
      ...second,
      previous: upcastFrom(first, (): { cents: number } => {
        throw new Error('no rate');
      }),
    });
    expect(decoderOf([broken])(written(first, { euros: 1 }))).toEqual({
      ok: false,
      error: {
        kind: 'invalid-data',
        reason: 'museum.sold v1: turning it into v2 failed: no rate',
        event: expect.objectContaining({ type: 'museum.sold' }),
      },
    });
  });

  it('does not compile with examples or upcasters of another shape', () => {
    const colour = { ...SALE, version: 2, data: z.object({ colour: z.enum(['red', 'blue']) }) };
    // @ts-expect-error the schema has no colour green
    defineEvent({ ...colour, examples: [{ colour: 'green' }] });
    defineEvent({
      ...colour,
      examples: [{ colour: 'red' }],
      // @ts-expect-error nor here
      previous: upcastFrom(first, () => ({ colour: 'green' })),
    });
    const red = { colour: 'red' } as const;
    const { type } = defineEvent({ ...colour, examples: [red], previous: upcastFrom(first, () => red) });
    expect(type).toBe('museum.sold');
  });

  it('has consecutive versions, and one contract in the catalogue', () => {
    expect(() => defineEvent({ ...third, version: 4 })).toThrow("museum.sold v4 can't follow museum.sold v2");
    expect(() => decoderOf([second, third])).toThrow('museum.sold has two contracts in the catalogue');
  });
});
