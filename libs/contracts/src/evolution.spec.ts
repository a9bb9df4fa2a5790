import { readFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import {
  asyncApi,
  breaches,
  dataOf,
  readReleased,
  received,
  recordsOf,
  unreleased,
} from '@atlas/events/evolution';
import { catalogue } from './catalogue';

const released = readReleased('libs/contracts/released');

const withUnknownFields = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(withUnknownFields);
  if (typeof value !== 'object' || value === null) return value;
  const fields = Object.entries(value).map(([name, field]) => [name, withUnknownFields(field)] as const);
  return { ...Object.fromEntries(fields), fromTheFuture: { some: ['thing'] } };
};

describe('The events', () => {
  it('break neither readers nor data that were released before', () => {
    expect(breaches(catalogue, released)).toEqual([]);
  });

  it('are all released', () => {
    expect(unreleased(catalogue, released)).toEqual([]);
  });

  // Otherwise the check would go without generated data, and say nothing.
  it.each(released.events.map((event) => [event.type, event.version, event] as const))(
    '%s v%i can be generated from its schema',
    (_, __, { revisions }) => {
      for (const { schema } of revisions) expect(() => dataOf(schema)).not.toThrow();
    },
  );

  it.each(catalogue.contracts.map((contract) => [contract.type, contract] as const))(
    '%s is read by ignoring fields that are not known',
    (_, contract) => {
      for (const record of recordsOf(contract)) {
        const data: unknown = JSON.parse(record.value);
        const extended = { ...record, value: JSON.stringify(withUnknownFields(data)) };
        expect(catalogue.decode(received(extended))).toMatchObject({ ok: true, value: { data } });
        expect(catalogue.decode(received(extended))).toEqual(catalogue.decode(received(record)));
      }
    },
  );
});

describe('docs/asyncapi.yaml', () => {
  const text = readFileSync('docs/asyncapi.yaml', 'utf8');

  // The parser of AsyncAPI loads its parts in ways that Jest's module loader doesn't know.
  const errorsIn = (...documents: readonly string[]): unknown => {
    const script = `
      const { Parser } = require('@asyncapi/parser');
      const documents = JSON.parse(require('node:fs').readFileSync(0, 'utf8'));
      const errorsOf = async (text) =>
        (await new Parser().validate(text)).filter(({ severity }) => severity < 2).map(({ message }) => message);
      Promise.all(documents.map(errorsOf)).then((found) => console.log(JSON.stringify(found)));`;
    const { stdout, stderr } = spawnSync(process.execPath, ['-e', script], {
      input: JSON.stringify(documents),
      encoding: 'utf8',
    });
    return stdout ? JSON.parse(stdout) : stderr;
  };

  it('is up to date; if not, "npm run contracts:asyncapi" writes it', () => {
    expect(text).toBe(asyncApi(catalogue));
  });

  it("is valid for AsyncAPI's own parser, which notices a channel that is not there", () => {
    const astray = text.replace(/\$ref: "#\/channels\/[^"]+"/, '$ref: "#/channels/nowhere"');
    expect(errorsIn(text, astray)).toEqual([[], expect.arrayContaining([expect.any(String)])]);
  });
});
