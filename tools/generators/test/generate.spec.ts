import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Copy } from './copy';

// Everything here starts programs: Nx, the TypeScript compiler, Jest, the platform.
jest.setTimeout(1_800_000);

const TSC = 'node_modules/typescript/bin/tsc';

/** With GENERATE=full everything is checked, and a request goes through the running platform. */
const isFull = process.env['GENERATE'] === 'full';

/** One of each smaller generator. */
const SMALLER: readonly (readonly [generator: string, options: Readonly<Record<string, string>>])[] = [
  ['command', { name: 'archive-parcel', context: 'shipping' }],
  ['command', { name: 'send-parcel', context: 'shipping', event: 'parcel-sent' }],
  ['query', { name: 'track-parcel', context: 'shipping' }],
  ['event', { name: 'parcel-lost', context: 'shipping' }],
  ['consumer', { event: 'orders.order-cancelled', context: 'shipping' }],
  ['consumer', { event: 'payments.payment-captured', context: 'shipping' }],
  ['port', { name: 'carrier-rates', context: 'shipping' }],
  ['adapter', { name: 'carrier-rates', context: 'shipping' }],
];

describe('A generated context', () => {
  let copy: Copy;
  let before: string;

  beforeAll(() => {
    copy = new Copy();
    before = copy.digest();
  });
  afterAll(() => copy?.remove());

  /** Compiles the context and what it imports. @returns the compiler's complaints. */
  function typeErrors(): string {
    const config = {
      extends: './tsconfig.base.json',
      include: ['libs/**/*.d.ts', 'apps/shipping/**/*.ts', 'libs/contracts/src/*.ts'],
    };
    const file = join(copy.root, 'tsconfig.part.json');
    writeFileSync(file, JSON.stringify(config));
    const { output } = copy.run(TSC, '-p', isFull ? 'tsconfig.json' : file);
    rmSync(file);
    return output;
  }

  it('is refused as a whole if its name is not one', () => {
    const { code, output } = copy.generate('context', 'Ship-Ping');
    expect(code).not.toBe(0);
    expect(output).toContain('"Ship-Ping" can\'t be the name of a context');
    expect(copy.digest()).toBe(before);
  });

  it('is complete: everything that follows from it is up to date, and no other source is edited', () => {
    const { code, output } = copy.generate(
      'context',
      ...['shipping', '--aggregate', 'parcel', '--listens', 'orders.order-placed'],
    );
    expect(output).toContain('shipping is complete');
    expect(code).toBe(0);
    expect(copy.must('tools/atlas.mjs', 'generate', '--check')).toContain('Everything is up to date.');
    const edited = copy.changes().flatMap((line) => (line.startsWith('AM ') ? line.slice(3) : []));
    const others = edited.filter(
      (file) => !/^(?:README\.md|compose\.yaml|deploy\/.*|docs\/asyncapi\.yaml)$/.test(file),
    );
    expect(others).toEqual(['libs/contracts/released/topics.json', 'libs/contracts/src/language.ts']);
  });

  it('is extended by commands, queries, events, consumers, ports and adapters', () => {
    if (isFull) {
      for (const [generator, { name, event = '', context = '' }] of SMALLER) {
        const more = name === undefined ? [event] : event === '' ? [name] : [name, '--event', event];
        const { code, output } = copy.generate(generator, ...more, '--context', context);
        expect([code, code === 0 ? '' : output]).toEqual([0, '']);
      }
    } else copy.must('tools/generators/test/run-generators.cjs', JSON.stringify(SMALLER));
    const { code, output } = copy.generate('command', 'archive-parcel', '--context', 'shipping');
    expect([code === 0, output]).toEqual([
      false,
      expect.stringContaining('apps/shipping/src/application/commands/archive-parcel.ts exists already'),
    ]);
  });

  it('compiles, and its tests pass', () => {
    expect(typeErrors()).toBe('');
    const suites = isFull ? ['apps/shipping', 'tools/architecture'] : ['apps/shipping/src'];
    const tested = copy.run('tools/bootstrap.mjs', 'test', ...suites, '--runInBand');
    expect(tested.output).toMatch(/Tests: +\d+ passed/);
    expect(tested.code).toBe(0);
  });

  if (isFull) {
    it('is formatted and linted like the rest, documented, and leaves the suites of the platform green', () => {
      copy.must('node_modules/prettier/bin/prettier.cjs', '--check', '.');
      copy.must('node_modules/eslint/bin/eslint.js', '--max-warnings=0', 'apps/shipping', 'libs/contracts');
      copy.must('tools/bootstrap.mjs', 'test', 'libs/contracts', 'tools/docs', 'atlas/src', 'manifests');
    });

    it('runs: a request is answered, its event reaches the log through its relay, and the audit covers it', async () => {
      try {
        const started = JSON.parse(copy.must('tools/atlas.mjs', 'up', '--detach', '--json')) as {
          processes: { name: string; url?: string }[];
        };
        const url = started.processes.find(({ name }) => name === 'shipping')?.url;
        const answer = await fetch(`${url}/parcels`, {
          method: 'POST',
          headers: { 'content-type': 'application/json', 'idempotency-key': crypto.randomUUID() },
          body: JSON.stringify({ title: 'The first' }),
        });
        expect(answer.status).toBe(201);
        const { id } = (await answer.json()) as { id: string };
        const tail = ['tail', 'shipping.events', '--from-beginning', '--limit', '1', '--json'];
        expect(JSON.parse(copy.must('tools/atlas.mjs', 'events', ...tail))).toMatchObject({ key: id });
        copy.must('tools/atlas.mjs', 'demo');
        const audited = copy.must('tools/atlas.mjs', 'audit');
        expect(audited).toContain('every parcel was opened before anything else happened to it');
        expect(audited).toContain('All invariants hold.');
      } finally {
        copy.must('tools/atlas.mjs', 'down');
      }
    });
  }

  it('is removed without a trace', () => {
    const { code, output } = copy.generate('remove', 'shipping');
    expect(output).toContain('shipping is gone from the sources');
    expect(code).toBe(0);
    expect(copy.digest()).toBe(before);
  });
});
