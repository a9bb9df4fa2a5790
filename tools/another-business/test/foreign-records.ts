import { randomBytes, randomUUID } from 'node:crypto';
import { topicOf } from '@atlas/events';
import { textOf } from '@atlas/ports/adapters';
import { eventually, recordOf } from '@atlas/testing';
import { type Context, startContext } from '@atlas/testing/context';
import { BookLent } from './contracts';
import { membersApp } from './members';

/** A record that a producer may write without following our contracts. */
export interface ForeignRecord {
  readonly key: string | Buffer | null;
  /** Several values: as many headers with one name. */
  readonly headers: Readonly<Record<string, string | Buffer | readonly (string | Buffer)[]>>;
  readonly value: Buffer | null;
}

/** An event log, and how a foreign producer writes to it. */
export interface ForeignAccess {
  readonly env: Readonly<Record<string, string>>;
  write(topic: string, partition: number, records: readonly ForeignRecord[]): Promise<void>;
  /** Whether keys and headers are bytes there, or can only be text. */
  readonly hasBytes: boolean;
  close(): Promise<void>;
}

interface Letter {
  readonly id: string;
  readonly key: string | null;
  readonly kind: string;
  readonly reason: string;
}

const TOPIC = topicOf('lending');

/** An event that counts a book for a new member. */
function lent(): ForeignRecord {
  const loanId = randomUUID();
  const data = { loanId, memberId: loanId, book: 'Middlemarch' };
  return recordOf({ contract: BookLent, subject: loanId, aggregateVersion: 1, data });
}

/** The same with the given changes. */
const lentBut = (change: (record: ForeignRecord) => Partial<ForeignRecord>): ForeignRecord => {
  const record = lent();
  return { ...record, ...change(record) };
};
const withHeader = (name: string, value: string): ForeignRecord =>
  lentBut(({ headers }) => ({ headers: { ...headers, [name]: value } }));

const UNREADABLE = 'the header "ce_specversion" is missing; events are CloudEvents in binary mode';
const MEGABYTE = 1_000_000;
const unreadable = (change: Partial<ForeignRecord>): ForeignRecord => ({
  key: randomUUID(),
  headers: {},
  value: Buffer.from('{}'),
  ...change,
});

type Refused = readonly [what: string, record: ForeignRecord, kind: string, sentence: string | RegExp];

const REFUSED: readonly Refused[] = [
  ['nothing at all', { key: null, headers: {}, value: null }, 'malformed', 'the record has no value'],
  ['no value', lentBut(() => ({ value: null })), 'malformed', 'the record has no value'],
  ['no headers', lentBut(() => ({ headers: {} })), 'malformed', UNREADABLE],
  ['an empty key', unreadable({ key: '' }), 'malformed', UNREADABLE],
  [
    'a key of 3 KB that does not compress',
    unreadable({ key: randomBytes(1_500).toString('hex') }),
    'malformed',
    UNREADABLE,
  ],
  [
    'a key of a megabyte',
    unreadable({ key: randomBytes(MEGABYTE / 2).toString('hex') }),
    'malformed',
    UNREADABLE,
  ],
  [
    'a header of a megabyte',
    unreadable({ headers: { large: 'x'.repeat(MEGABYTE) } }),
    'malformed',
    UNREADABLE,
  ],
  [
    'ten thousand headers',
    unreadable({ headers: Object.fromEntries(Array.from({ length: 10_000 }, (_, n) => [`h${n}`, `${n}`])) }),
    'malformed',
    UNREADABLE,
  ],
  [
    'strange headers',
    unreadable({
      headers: { '': 'empty name', 'nul \0': 'nul \0', ['__proto__']: 'x', several: ['1', '2'] },
    }),
    'malformed',
    UNREADABLE,
  ],
  [
    'an id that is a megabyte of text',
    lentBut(({ headers }) => ({ headers: { ...headers, ce_id: 'x'.repeat(MEGABYTE) } })),
    'malformed',
    `the header "ce_id" must be a UUID, not "${'x'.repeat(100)}…"`,
  ],
  [
    'another content type',
    withHeader('content-type', 'application/xml'),
    'malformed',
    'the content type is "application/xml"; it must be application/json',
  ],
  [
    'no JSON',
    lentBut(() => ({ value: Buffer.from('{"loanId":') })),
    'malformed',
    /^the value is not valid JSON: /,
  ],
  [
    '2 MB',
    lentBut(() => ({ value: Buffer.alloc(2 * 1024 * 1024, ' ') })),
    'malformed',
    'the value has 2097152 bytes; the maximum is 1048576',
  ],
  [
    'a schema version from the future',
    withHeader('ce_dataschema', `urn:atlas:schema:${BookLent.type}:9`),
    'unknown-version',
    /^lending\.book-lent with the schema "urn:atlas:schema:lending\.book-lent:9" is not supported; known versions: .*$/,
  ],
  [
    'data that violates its contract',
    lentBut(() => ({ value: Buffer.from('{"loanId":"7"}') })),
    'invalid-data',
    /^lending\.book-lent v\d+: loanId: /,
  ],
];

/** What a log may contain if its keys and headers are bytes. */
const BYTES: readonly Refused[] = [
  ['a NUL in its key', unreadable({ key: 'nul \0' }), 'malformed', UNREADABLE],
  ['a key that is not UTF-8', unreadable({ key: Buffer.from([0x6b, 0xff, 0xfe]) }), 'malformed', UNREADABLE],
  [
    'another key that is not UTF-8, which waits for none',
    unreadable({ key: Buffer.from([0x6b, 0xff, 0xfd]) }),
    'malformed',
    UNREADABLE,
  ],
  [
    'a header that is not UTF-8',
    unreadable({ headers: { bytes: Buffer.from([0xff]), also: [Buffer.from([0xfe]), Buffer.from([0xfd])] } }),
    'malformed',
    UNREADABLE,
  ],
];

const shownOf = (content: string | Buffer | null): string | null =>
  Buffer.isBuffer(content) ? textOf(content) : content;

/** Tests how a consumer treats foreign records, on the log that `open` returns. */
export function describeForeignRecords(log: string, open: () => Promise<ForeignAccess>): void {
  describe(`A record that a foreign producer wrote on ${log}`, () => {
    let access: ForeignAccess;
    let members: Context;
    let letters: readonly Letter[];
    const [last, keyless] = [lent(), lentBut(() => ({ key: null }))];
    const news = withHeader('ce_type', 'lending.book-eaten');

    beforeAll(async () => {
      access = await open();
      members = await startContext(membersApp, { env: access.env });
      // One partition, so that the consumer must pass all other records to reach the last one.
      const refused = access.hasBytes ? [...REFUSED, ...BYTES] : REFUSED;
      const records = [...refused.map(([, record]) => record), news, keyless, last];
      await access.write(TOPIC, 0, records);
      await eventually(() => counts(last), 60_000);
      const answer = await members.send('GET', '/dead-letters?limit=100');
      letters = answer.json<{ letters: Letter[] }>().letters;
    }, 240_000);
    afterAll(async () => {
      await members?.stop();
      await access?.close();
    });

    const counts = async ({ headers }: ForeignRecord): Promise<boolean> => {
      const answer = await members.send('GET', `/members/${headers['ce_subject'] as string}`);
      return answer.json<{ events: number }>().events === 1;
    };

    const isDeadLetter = async (
      { key, headers, value }: ForeignRecord,
      kind: string,
      sentence: string | RegExp,
    ) => {
      const reason = typeof sentence === 'string' ? sentence : expect.stringMatching(sentence);
      const found = letters.filter((letter) => letter.key === shownOf(key));
      expect(found).toEqual([expect.objectContaining({ kind, reason })]);
      const answer = await members.send('GET', `/dead-letters/${found[0]?.id}`);
      const whole = answer.json<{ headers: Record<string, string>; base64: string | null }>();
      expect(whole.base64).toBe(value?.toString('base64') ?? null);
      const expected = Object.entries(headers).map(([name, content]) => [
        name,
        shownOf(
          Array.isArray(content) ? (content as readonly (string | Buffer)[]).at(-1)! : (content as string),
        ),
      ]);
      expect(Object.entries(whole.headers)).toEqual(expected);
    };

    it.each(REFUSED)('with %s is dead-lettered with a reason, byte for byte', (_, record, kind, sentence) =>
      isDeadLetter(record, kind, sentence),
    );

    it.each(BYTES)('with %s is dead-lettered, too, where it can occur', async (_, record, kind, sentence) => {
      if (access.hasBytes) await isDeadLetter(record, kind, sentence);
      else expect(letters.filter((letter) => letter.key === shownOf(record.key))).toEqual([]);
    });

    it('with an event of an unknown type is passed over', () => {
      expect(letters.filter(({ key }) => key === news.key)).toEqual([]);
    });

    it('without a key is handled if it is a valid event', async () => {
      expect(await counts(keyless)).toBe(true);
    });

    it('blocks no other record', () => {
      expect(letters).toHaveLength(REFUSED.length + (access.hasBytes ? BYTES.length : 0));
    });
  });
}
