import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { SeededRandom } from '@atlas/testing';
import type { AuditReport } from '@atlas/cli/audit/audit';
import type { Outcome } from '../src/faults/campaign';
import { mustSucceed, startAtlas } from '@atlas/cli/test/command';

const isFull = process.env['FAULTS'] === 'full';
/** After how many the campaign is told to end. */
const ENOUGH = isFull ? 100 : 20;
const PARALLEL = 5;

const { seed } = SeededRandom.fromEnvironment();

interface Result {
  readonly seed: number;
  readonly orders: { readonly placed: number; readonly confirmed: number; readonly cancelled: number };
  readonly faults: readonly Outcome[];
  readonly audit: AuditReport;
}

jest.setTimeout(isFull ? 1_200_000 : 400_000);

describe(`A campaign of faults (FAULTS_SEED=${seed})`, () => {
  it('leaves every order settled, and nothing lost, doubled or out of order, when Ctrl-C ends it', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'atlas-campaign-'));
    const record = join(folder, 'faults.jsonl');
    const options = `--faults 1000 --seed ${seed} --parallel ${PARALLEL} --json`.split(' ');
    const child = startAtlas(folder, 'chaos', ...options, '--record', record);
    const said: string[] = [];
    let over = 0;
    createInterface(child.stderr).on('line', (line) => {
      said.push(line);
      if (line.includes('works again after') && ++over === ENOUGH) child.kill('SIGINT');
    });
    const [stdout, [code]] = await Promise.all([
      text(child.stdout),
      once(child, 'close') as Promise<[number]>,
    ]);
    const written = (await readFile(record, 'utf8')).trim().split('\n');
    await rm(folder, { recursive: true });

    mustSucceed({ code, stdout, stderr: said.join('\n') });
    const { faults, orders, audit } = JSON.parse(stdout) as Result;
    const numbers = faults.map(({ number }) => number).sort((a, b) => a - b);
    expect(numbers).toEqual(Array.from(numbers, (_, index) => index + 1));
    expect(numbers.length).toBeGreaterThanOrEqual(ENOUGH);
    expect(numbers.length).toBeLessThan(ENOUGH + 2 * PARALLEL);
    expect(new Set(faults.map(({ kind }) => kind)).size).toBeGreaterThan(8);
    // A line for each fault, and one at the end.
    expect(written).toHaveLength(faults.length + 1);
    expect(orders.placed).toBeGreaterThan(0);
    expect(orders.confirmed + orders.cancelled).toBe(orders.placed);
    expect(audit.checks.flatMap(({ violations }) => violations)).toEqual([]);
    expect(Math.min(...audit.checks.map(({ checked }) => checked))).toBeGreaterThan(0);
  });
});
