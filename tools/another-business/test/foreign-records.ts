import { randomUUID } from 'node:crypto';
import { topicOf } from '@atlas/events';
import { eventually, recordOf } from '@atlas/testing';
import { type Context, startContext } from '@atlas/testing/context';
import { BookLent } from './contracts';
import { membersApp } from './members';

/** A record that a producer may write without following our contracts. */
export interface ForeignRecord {
  readonly key: string | null;
  readonly headers: Readonly<Record<string, string>>;
  readonly value: Buffer | null;
}

/** An event log, and how a foreign producer writes to it. */
export interface ForeignAccess {
  readonly url: string;
  write(topic: string, partition: number, records: readonly ForeignRecord[]): Promise<void>;
  close(): Promise<void>;
}

interface Letter {
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

const REFUSED: readonly (readonly [
  what: string,
  record: ForeignRecord,
  kind: string,
  sentence: string | RegExp,
])[] = [
  ['nothing at all', { key: null, headers: {}, value: null }, 'malformed', 'the record has no value'],
  ['no value', lentBut(() => ({ value: null })), 'malformed', 'the record has no value'],
  [
    'no headers',
    lentBut(() => ({ headers: {} })),
    'malformed',
    'the header "ce_specversion" is missing; events are CloudEvents in binary mode',
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
    'an unknown type',
    withHeader('ce_type', 'lending.book-eaten'),
    'unknown-type',
    'no contract has the type "lending.book-eaten"',
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

/** Tests how a consumer treats foreign records, on the log that `open` returns. */
export function describeForeignRecords(log: string, open: () => Promise<ForeignAccess>): void {
  describe(`A record that a foreign producer wrote on ${log}`, () => {
    let access: ForeignAccess;
    let members: Context;
    let letters: readonly Letter[];
    const [last, keyless] = [lent(), lentBut(() => ({ key: null }))];

    beforeAll(async () => {
      access = await open();
      members = await startContext(membersApp, { env: { EVENT_LOG_URL: access.url } });
      // One partition, so that the consumer must pass all other records to reach the last one.
      const records = [...REFUSED.map(([, record]) => record), keyless, last];
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
      const answer = await members.send('GET', `/members/${headers['ce_subject']}`);
      return answer.json<{ events: number }>().events === 1;
    };

    it.each(REFUSED)('with %s is dead-lettered with a reason', (_, { key }, kind, sentence) => {
      const reason = typeof sentence === 'string' ? sentence : expect.stringMatching(sentence);
      expect(letters.filter((letter) => letter.key === key)).toEqual([
        expect.objectContaining({ kind, reason }),
      ]);
    });

    it('without a key is handled if it is a valid event', async () => {
      expect(await counts(keyless)).toBe(true);
    });

    it('blocks no other record', () => {
      expect(letters).toHaveLength(REFUSED.length);
    });
  });
}
