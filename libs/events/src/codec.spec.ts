import fc from 'fast-check';
import { z } from 'zod';
import { decoderOf, type EncodedEvent, encodeEvent } from './codec';
import { defineEvent, type EventEnvelope } from './event-contract';

const LOAN = { version: 1, owner: 'lending', aggregate: 'loan' } as const;
const BookLent = defineEvent({
  ...LOAN,
  type: 'lending.book-lent',
  data: z.object({
    loanId: z.uuid(),
    memberId: z.string(),
    books: z.array(z.string()).min(1),
    due: z.string(),
  }),
  examples: [
    { loanId: '01890f3e-7b0a-7cc0-98c5-dbe7c54f2a10', memberId: 'ada', books: ['ddia'], due: '2026-02-01' },
  ],
});
const BookReturned = defineEvent({
  ...LOAN,
  type: 'lending.book-returned',
  data: z.object({ loanId: z.uuid(), condition: z.enum(['good', 'damaged']) }),
  examples: [{ loanId: '01890f3e-7b0a-7cc0-98c5-dbe7c54f2a10', condition: 'good' }],
});
const decodeEvent = decoderOf([BookLent, BookReturned]);

const loanId = '01890f3e-7b0a-7cc0-98c5-dbe7c54f2a10';

const returned: EventEnvelope = {
  id: '01890f3e-7b0a-7cc0-98c5-dbe7c54f2a11',
  type: BookReturned.type,
  schemaVersion: 1,
  source: 'lending',
  subject: loanId,
  aggregateVersion: 2,
  time: '2026-01-01T10:00:00.000Z',
  correlationId: 'request-1',
  causationId: '01890f3e-7b0a-7cc0-98c5-dbe7c54f2a12',
  traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  data: { loanId, condition: 'damaged' },
};

const encoded = encodeEvent(BookReturned, returned);

const withHeader = (name: string, value: string | undefined): EncodedEvent => {
  const headers = Object.entries({ ...encoded.headers, [name]: value }).filter(
    ([, text]) => text !== undefined,
  );
  return { ...encoded, headers: Object.fromEntries(headers) as Record<string, string> };
};

describe('An event on the log', () => {
  it('is a CloudEvent in binary mode, keyed by its aggregate', () => {
    expect(encoded.key).toBe(loanId);
    expect(JSON.parse(encoded.value.toString())).toEqual(returned.data);
    expect(encoded.headers).toMatchObject({
      'content-type': 'application/json',
      ce_specversion: '1.0',
      ce_id: returned.id,
      ce_type: 'lending.book-returned',
      ce_source: '/atlas/lending',
      ce_subject: loanId,
      ce_time: returned.time,
      ce_dataschema: 'urn:atlas:schema:lending.book-returned:1',
      ce_aggregateversion: '2',
      traceparent: returned.traceparent,
    });
  });

  it('has no headers for absent attributes', () => {
    const uncaused = { ...returned, causationId: undefined, traceparent: undefined };
    const { headers } = encodeEvent(BookReturned, uncaused);
    expect(Object.values(headers)).not.toContain('undefined');
    expect(Object.keys(headers)).not.toContain('ce_causationid');
    expect(Object.keys(headers)).not.toContain('traceparent');
  });

  it('survives a round trip', () => {
    expect(decodeEvent(encoded)).toEqual({ ok: true, value: returned });
  });

  it('is not published if its data violates the contract', () => {
    const broken = { ...returned, type: BookLent.type, data: { loanId, memberId: 'ada', books: [] } };
    expect(() => encodeEvent(BookLent, broken)).toThrow(
      /lending.book-lent v1 can't be published: books: .*; due: /,
    );
  });

  it.each([
    ['no value', { ...encoded, value: null }, 'malformed', 'the record has no value'],
    ['no headers', { ...encoded, headers: {} }, 'malformed', '"ce_specversion" is missing'],
    [
      'another content type',
      withHeader('content-type', 'text/plain'),
      'malformed',
      'the content type is "text/plain"',
    ],
    ['an id that is not a UUID', withHeader('ce_id', '7'), 'malformed', 'must be a UUID'],
    [
      'another CloudEvents version',
      withHeader('ce_specversion', '2.0'),
      'malformed',
      'CloudEvents "2.0" is not supported',
    ],
    [
      'no aggregate version',
      withHeader('ce_aggregateversion', undefined),
      'malformed',
      '"ce_aggregateversion"',
    ],
    ['broken JSON', { ...encoded, value: Buffer.from('{') }, 'malformed', 'the value is not valid JSON'],
    ['2 MB', { ...encoded, value: Buffer.alloc(2_000_000, 'x') }, 'malformed', 'the value has 2000000 bytes'],
    [
      'an unknown type',
      withHeader('ce_type', 'lending.book-eaten'),
      'unknown-type',
      'no contract has the type',
    ],
    [
      'a schema version from the future',
      withHeader('ce_dataschema', 'urn:atlas:schema:lending.book-returned:9'),
      'unknown-version',
      'known versions: 1',
    ],
    [
      'data that violates the contract',
      { ...encoded, value: Buffer.from('{"loanId":"7","condition":"eaten"}') },
      'invalid-data',
      'loanId:',
    ],
  ])('with %s is refused, and the reason is reported', (_, record, kind, reason) => {
    expect(decodeEvent(record)).toMatchObject({
      ok: false,
      error: { kind, reason: expect.stringContaining(reason) },
    });
  });

  it.each([
    ['a type', withHeader('ce_type', 'lending.book-eaten'), 'lending.book-eaten'],
    ['a version', withHeader('ce_dataschema', 'urn:atlas:schema:lending.book-returned:9'), returned.type],
    ['data', { ...encoded, value: Buffer.from('{') }, returned.type],
  ])("with %s that can't be read still tells which event it is", (_, record, type) => {
    const { schemaVersion, data, ...attributes } = returned;
    expect(decodeEvent(record)).toMatchObject({ error: { event: { ...attributes, type } } });
    expect([schemaVersion, data]).toBeDefined();
    expect(decodeEvent({ ...record, value: null })).toEqual({
      ok: false,
      error: { kind: 'malformed', reason: 'the record has no value' },
    });
  });

  it('never makes the decoder throw, whatever its bytes', () => {
    const headers = fc.dictionary(fc.constantFrom(...Object.keys(encoded.headers), 'x'), fc.string());
    const value = fc.option(fc.uint8Array().map((bytes) => Buffer.from(bytes)));
    fc.assert(
      fc.property(headers, value, (some, bytes) => {
        expect(
          decodeEvent({ key: null, headers: { ...encoded.headers, ...some }, value: bytes }).ok,
        ).toBeDefined();
      }),
    );
  });
});
