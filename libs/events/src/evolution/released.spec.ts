import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { defineEvent, type EventContract, upcastFrom } from '../event-contract';
import { breaches, deploymentOf, release, type Released, unreleased, type WireRecord } from './released';
import { readReleased, writeReleased } from './released-files';

const TOPIC = { name: 'museum.events', partitions: 6 };
const nothing: Released = { events: [], topics: [] };

const full = {
  id: '01890f3e-7b0a-7cc0-98c5-dbe7c54f2a10',
  code: 'AB',
  pieces: 2,
  state: 'new',
  note: 'soon',
  remark: null,
  rate: 0.19,
  paid: { by: 'card', token: 'tok_1' },
  lines: [{ item: 'ticket', price: { minor: 100, currency: 'EUR' } }],
};
const card = z.object({ by: z.literal('card'), token: z.string() });
const cash = z.object({ by: z.literal('cash') });
const price = z.object({ minor: z.int(), currency: z.string() });
const shape = {
  id: z.uuid(),
  code: z.string().regex(/^[A-Z]+$/),
  pieces: z.int().min(1).max(10),
  state: z.enum(['new', 'old']),
  note: z.string().optional(),
  remark: z.string().nullable(),
  rate: z.number().min(0).max(1),
  paid: z.discriminatedUnion('by', [card, cash]),
  lines: z
    .array(z.object({ item: z.string().min(1).max(8), price }))
    .min(1)
    .max(5),
};
type Field = keyof typeof shape;

/** The event `museum.sold`, with some fields redefined since the release. */
const sold = (
  changes: z.ZodRawShape = {},
  { without, ...other }: { without?: Field; owner?: string; aggregate?: string } = {},
): EventContract => {
  const fields = Object.entries({ ...shape, ...changes }).filter(([field]) => field !== without);
  const data: z.ZodType<unknown> = z.object(Object.fromEntries(fields));
  return {
    type: 'museum.sold',
    version: 1,
    owner: 'museum',
    aggregate: 'sale',
    data,
    examples: [full],
    ...other,
  };
};
const language = (...contracts: EventContract[]) => ({ contracts, topics: [TOPIC] });
const released = release(language(sold()), nothing);
const OR = 'or define version 2 with an upcaster.';

describe('A change of a released event', () => {
  it.each<[string, EventContract]>([
    ['no change', sold()],
    ['a new optional field', sold({ colour: z.string().optional() })],
    ['a new field with a default', sold({ colour: z.string().default('red') })],
    ['an optional field that is no longer sent', sold({}, { without: 'note' })],
    ['a default for a required field', sold({ code: shape.code.default('AB') })],
    ['a new order of the values', sold({ state: z.enum(['old', 'new']) })],
    ['a description of what may be null', sold({ remark: shape.remark.describe('For the visitor') })],
    ['the same limit, expressed differently', sold({ pieces: z.int().positive().lt(11) })],
    ['a new order of the shapes', sold({ paid: z.discriminatedUnion('by', [cash, card]) })],
    [
      'a new optional field in one shape of several',
      sold({ paid: z.union([card.extend({ bank: z.string().optional() }), cash]) }),
    ],
    ['a description', sold({ code: shape.code.describe('What the till prints') })],
    [
      'a new optional field in a list',
      sold({
        lines: z
          .array(z.object({ item: z.string().min(1).max(8), price, size: z.string().optional() }))
          .min(1)
          .max(5),
      }),
    ],
  ])('may be %s', (_, contract) => {
    expect(breaches(language(contract), released)).toEqual([]);
  });

  const lineOf = (of: z.ZodRawShape) =>
    sold({
      lines: z
        .array(z.object({ item: z.string().min(1).max(8), price, ...of }))
        .min(1)
        .max(5),
    });

  it.each<[string, EventContract, string]>([
    [
      'a new required field',
      sold({ colour: z.string() }),
      `colour is now required; data released before may lack it. Make it optional, ${OR}`,
    ],
    [
      'a field that becomes required',
      sold({ note: z.string() }),
      `note is now required; data released before may lack it. Make it optional, ${OR}`,
    ],
    [
      'a required field deep in a list',
      lineOf({ price: price.extend({ tax: z.int() }) }),
      `lines[].price.tax is now required; data released before may lack it. Make it optional, ${OR}`,
    ],
    [
      'a removed required field',
      sold({}, { without: 'code' }),
      `code is required for readers released before; new data may lack it. Keep it required, ${OR}`,
    ],
    [
      'a required field that becomes optional',
      sold({ code: shape.code.optional() }),
      'code is required for readers released before; new data may lack it.',
    ],
    [
      'another type',
      sold({ note: z.int().optional() }),
      'note must now be of type integer; data released before may have string.',
    ],
    [
      'a wider type',
      sold({ pieces: z.number().min(1).max(10) }),
      'pieces must be of type integer for readers released before; new data may have number.',
    ],
    [
      'a field that may be null',
      sold({ code: shape.code.nullable() }),
      'code must be of type string for readers released before; new data may have null.',
    ],
    [
      'a field that may no longer be null',
      sold({ remark: z.string() }),
      'remark must now be of type string; data released before may have null.',
    ],
    [
      'one more shape',
      sold({ paid: z.union([card, cash, z.object({ by: z.literal('gift') })]) }),
      'paid must be of type object with by "card" or object with by "cash" for readers released before; ' +
        'new data may have object with by "gift".',
    ],
    [
      'one shape less',
      sold({ paid: card }),
      'paid.by must now be one of "card"; data released before may have "cash".',
    ],
    [
      'a new required field in one shape of several',
      sold({ paid: z.union([card.extend({ bank: z.string() }), cash]) }),
      `paid.bank is now required; data released before may lack it. Make it optional, ${OR}`,
    ],
    [
      'one more value',
      sold({ state: z.enum(['new', 'old', 'lost']) }),
      'state must be one of "new", "old" for readers released before; new data may have "lost".',
    ],
    [
      'one value less',
      sold({ state: z.enum(['new']) }),
      'state must now be one of "new"; data released before may have "old".',
    ],
    [
      'one constant',
      sold({ state: z.literal('new') }),
      'state must now be one of "new"; data released before may have "old".',
    ],
    [
      'any text for a value',
      sold({ state: z.string() }),
      'state must be one of "new", "old" for readers released before; new data may have something else.',
    ],
    [
      'a higher least',
      sold({ pieces: z.int().min(2).max(10) }),
      'pieces must now be at least 2; data released before may have 1.',
    ],
    [
      'a lower least',
      sold({ pieces: z.int().min(0).max(10) }),
      'pieces must be at least 1 for readers released before; new data may have 0.',
    ],
    [
      'a higher most',
      sold({ pieces: z.int().min(1).max(11) }),
      'pieces must be at most 10 for readers released before; new data may have 11.',
    ],
    [
      'a lower most',
      sold({ pieces: z.int().min(1).max(9) }),
      'pieces must now be at most 9; data released before may have 10.',
    ],
    [
      'an exclusive least',
      sold({ pieces: z.int().gt(1).max(10) }),
      'pieces must now be at least 2; data released before may have 1.',
    ],
    [
      'a limit that is left out itself',
      sold({ rate: z.number().gt(0).max(1) }),
      'rate must now be more than 0; data released before may have 0.',
    ],
    [
      'a limit that is no longer left out',
      sold({ rate: z.number().min(0).lt(1) }),
      'rate must now be less than 1; data released before may have 1.',
    ],
    [
      'a step',
      sold({ pieces: z.int().min(1).max(10).multipleOf(2) }),
      'pieces must now be a multiple of 2; data released before may have something between.',
    ],
    [
      'shorter text',
      lineOf({ item: z.string().min(1).max(7) }),
      'lines[].item must now be of length at most 7; data released before may have 8.',
    ],
    [
      'longer text',
      lineOf({ item: z.string().min(1).max(9) }),
      'lines[].item must be of length at most 8 for readers released before; new data may have 9.',
    ],
    [
      'fewer items',
      sold({ lines: shape.lines.max(4) }),
      'lines must now have items: at most 4; data released before may have 5.',
    ],
    [
      'an empty list',
      sold({ lines: z.array(z.object({ item: z.string().min(1).max(8), price })).max(5) }),
      'lines must have items: at least 1 for readers released before; new data may have less.',
    ],
    [
      'another pattern',
      sold({ code: z.string().regex(/^[A-Z]{2}$/) }),
      'code must now have the pattern "^[A-Z]{2}$"; data released before may have that of "^[A-Z]+$".',
    ],
    [
      'no pattern',
      sold({ code: z.string() }),
      'code must have the pattern "^[A-Z]+$" for readers released before; new data may have any.',
    ],
    [
      'a format',
      sold({ note: z.email().optional() }),
      'note must now have the format "email"; data released before may have any.',
    ],
    [
      'no format',
      sold({ id: z.string() }),
      'id must have the format "uuid" for readers released before; new data may have any.',
    ],
    [
      'unknown fields refused',
      lineOf({ price: z.strictObject(price.shape) }),
      'museum.sold v1 refuses unknown fields',
    ],
    [
      'another owner',
      sold({}, { owner: 'till' }),
      'museum.sold v1 now belongs to till; its readers wait for it in the topic museum.events.',
    ],
    [
      'another aggregate',
      sold({}, { aggregate: 'till' }),
      'museum.sold v1 is now about a till, no longer about a sale',
    ],
  ])('must not be %s', (_, contract, sentence) => {
    // An example can't contain a value that the changed schema rejects.
    const change = { ...contract, examples: [exampleOf(contract)] as const };
    expect(breaches(language(change), released)).toContainEqual(expect.stringContaining(sentence));
  });

  it("is also refused by a released record where the schemas don't differ", () => {
    const stricter = { ...sold(), data: sold().data.refine(() => false, 'is closed'), examples: [] };
    expect(breaches(language(stricter as unknown as EventContract), released)).toEqual([
      'museum.sold v1: a record released before is refused now: museum.sold v1: data: is closed. ' +
        `Take it, ${OR}`,
    ]);
  });

  it('is also refused by generated data where neither schemas nor records reveal it', () => {
    const few = sold().data.refine((data) => (data as typeof full).pieces < 5, 'too many');
    expect(breaches(language({ ...sold(), data: few }), released)).toEqual([
      expect.stringMatching(
        /^museum\.sold v1: \{.*"pieces":[5-9].*\} was allowed by the released schema and is refused now: .*: too many\. /,
      ),
    ]);
  });

  it('is refused if records would be encoded differently', () => {
    const trimmed = sold({ note: z.string().min(1).trim().optional() });
    expect(breaches(language(trimmed), release(language(trimmed), nothing))).toEqual([
      expect.stringMatching(
        /^museum\.sold v1: readers released before refuse \{.*"note":" +".*\}, which can be published now: note: /,
      ),
    ]);
  });

  it.each<[string, Partial<WireRecord>, string]>([
    ['key', { key: 'sale-1' }, 'a record released with the key "sale-1" has "01890f3e'],
    [
      'headers',
      { headers: { ce_partition: '7' } },
      'the header "ce_partition" of a released record was "7" and is missing now.',
    ],
  ])("must not affect its record's %s", (_, wire, sentence) => {
    const revisions = released.events[0]!.revisions.map(({ schema, records }) => ({
      schema,
      records: records.map((record) => ({
        ...record,
        ...wire,
        headers: { ...record.headers, ...wire.headers },
      })),
    }));
    const otherwise = { ...released, events: [{ ...released.events[0]!, revisions }] };
    expect(breaches(language(sold()), otherwise)).toEqual([expect.stringContaining(sentence)]);
  });

  it('must be expressible in JSON Schema', () => {
    const dated = sold({ code: z.string().transform((text) => text.length) });
    expect(() => breaches(language(dated), released)).toThrow(
      /^museum\.sold v1 has no JSON Schema: .* Use only types that JSON has, and no transforms\.$/,
    );
  });

  it('is reported completely, even without an updated example', () => {
    expect(breaches(language(sold({ colour: z.string() })), released)).toEqual([
      expect.stringContaining('colour is now required; data released before may lack it.'),
      expect.stringContaining('museum.sold v1 has an example that breaks its own schema: colour:'),
    ]);
  });

  it('is checked against every released schema, not only the last', () => {
    const without = language(sold({}, { without: 'note' }));
    const again = sold({ note: z.int().optional() });
    expect(
      breaches(language({ ...again, examples: [exampleOf(again)] }), release(without, released)),
    ).toContainEqual(expect.stringContaining('note must now be of type integer'));
  });

  it('must not remove the event or one of its versions', () => {
    expect(breaches(language(), released)).toEqual([expect.stringContaining('museum.sold v1 is gone;')]);
    expect(breaches(language({ ...sold(), version: 2 }), released)).toEqual([
      expect.stringContaining('museum.sold v1 is no longer read;'),
    ]);
  });

  it('may be a version 2 that can read version 1', () => {
    const data = z.object({ code: z.int() });
    const second = defineEvent({
      ...{ type: 'museum.sold', version: 2, owner: 'museum', aggregate: 'sale' },
      data,
      examples: [{ code: 7 }],
      previous: upcastFrom(sold(), () => ({ code: 7 })),
    });
    expect(breaches(language(second), released)).toEqual([]);
    expect(unreleased(language(second), released)).toEqual([
      expect.stringContaining('museum.sold v2 is not released in its current form'),
    ]);
    // Version 1 is no longer written, so its reader may accept more than earlier readers did.
    const tolerant = { ...second, previous: upcastFrom(sold({ code: z.string() }), () => ({ code: 7 })) };
    expect(breaches(language(tolerant), released)).toEqual([]);
    // The record is upcast correctly, but not everything that the old schema allowed.
    const partial = {
      ...second,
      previous: upcastFrom(sold(), (old) => ({ code: 12 / ((old as typeof full).pieces - 1) })),
    };
    expect(breaches(language(partial), released)).toEqual([
      expect.stringMatching(
        /was allowed by the released schema and is refused now: .* turned into v2: code:/,
      ),
    ]);
    const useless = { ...second, previous: upcastFrom(sold(), () => ({ code: 7.5 })) };
    expect(breaches(language(useless), released)).toEqual([expect.stringContaining('turned into v2: code:')]);
  });
});

describe('A released topic', () => {
  it('must keep its name and partition count', () => {
    const contracts = [sold()];
    expect(breaches({ contracts, topics: [] }, released)).toEqual([
      expect.stringContaining('The topic museum.events is gone;'),
    ]);
    expect(breaches({ contracts, topics: [{ ...TOPIC, partitions: 12 }] }, released)).toEqual([
      expect.stringContaining('has 12 partitions now, but was released with 6;'),
    ]);
  });
});

describe('Releasing', () => {
  it('adds a revision and keeps the previous ones, in files', () => {
    const folder = mkdtempSync(join(tmpdir(), 'atlas-released-'));
    const changed = language(sold({ colour: z.string().optional() }));
    try {
      writeReleased(released, folder);
      writeReleased(release(changed, readReleased(folder)), folder);
      const kept = readReleased(folder);
      expect(kept.events[0]?.revisions).toHaveLength(2);
      expect(kept.events[0]?.revisions[0]).toEqual(released.events[0]?.revisions[0]);
      expect(unreleased(changed, kept)).toEqual([]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('tells in which order a new event, and a new version of one, can be deployed', () => {
    const second = {
      ...sold(),
      version: 2,
      previous: upcastFrom(sold(), (old) => old),
    };
    const opened = { ...sold(), type: 'museum.opened' };
    const today = language(second, opened);

    expect(breaches(today, released)).toEqual([]);
    expect(deploymentOf(today, released)).toEqual([
      'museum.sold v2 is a new version: deploy every service that handles museum.sold before the one that writes it.',
      expect.stringMatching(
        /^museum\.opened v1 is a new event: deploy its readers and its writer in any order;/,
      ),
    ]);
    expect(deploymentOf(language(sold()), released)).toEqual([]);
  });

  it('adds a new example to the records of its revision', () => {
    const more = { ...sold(), examples: [full, { ...full, code: 'CD' }] as const };
    expect(unreleased(language(more), released)).toEqual([
      expect.stringContaining('museum.sold v1 is not released in its current form'),
    ]);
    const [revision, ...others] = release(language(more), released).events[0]!.revisions;
    expect(others).toEqual([]);
    expect(revision?.records.map(({ value }) => (JSON.parse(value) as typeof full).code)).toEqual([
      'AB',
      'CD',
    ]);
    expect(revision?.records[0]).toBe(released.events[0]!.revisions[0]!.records[0]);
  });
});

function exampleOf(contract: EventContract): unknown {
  const variants: unknown[] = [
    full,
    { ...full, note: undefined },
    { ...full, note: 7 },
    { ...full, note: 'ada@example.com' },
    { ...full, colour: 'red' },
    { ...full, lines: [{ item: 'ticket', price: { minor: 100, currency: 'EUR', tax: 19 } }] },
  ];
  return variants.find((variant) => contract.data.safeParse(variant).success);
}
