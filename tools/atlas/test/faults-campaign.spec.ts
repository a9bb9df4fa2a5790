import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SeededRandom } from '@atlas/testing';
import type { AuditReport } from '../src/audit/audit';
import type { Outcome } from '../src/faults/campaign';
import { atlas } from './command';

const isFull = process.env['FAULTS'] === 'full';
const FAULTS = isFull ? 100 : 20;

const { seed } = SeededRandom.fromEnvironment();

interface Result {
  readonly seed: number;
  readonly orders: { readonly placed: number; readonly confirmed: number; readonly cancelled: number };
  readonly faults: readonly Outcome[];
  readonly audit: AuditReport;
}

jest.setTimeout(isFull ? 1_200_000 : 400_000);

describe(`A campaign of faults (FAULTS_SEED=${seed})`, () => {
  it('leaves every order settled, and nothing lost, doubled or out of order', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'atlas-campaign-'));
    const record = join(folder, 'faults.jsonl');
    const options = ['--faults', String(FAULTS), '--seed', String(seed), '--parallel', '5'];
    const { code, stdout, stderr } = await atlas(folder, 'chaos', ...options, '--record', record, '--json');
    const written = (await readFile(record, 'utf8')).trim().split('\n');
    await rm(folder, { recursive: true });

    expect({ code, stderr }).toMatchObject({ code: 0 });
    const { faults, orders, audit } = JSON.parse(stdout) as Result;
    expect(faults.map(({ number }) => number).sort((a, b) => a - b)).toEqual(
      Array.from({ length: FAULTS }, (_, index) => index + 1),
    );
    expect(new Set(faults.map(({ kind }) => kind)).size).toBeGreaterThan(8);
    // A line for each fault, and one at the end.
    expect(written).toHaveLength(FAULTS + 1);
    expect(orders.placed).toBeGreaterThan(0);
    expect(orders.confirmed + orders.cancelled).toBe(orders.placed);
    expect(audit.checks.flatMap(({ violations }) => violations)).toEqual([]);
    expect(Math.min(...audit.checks.map(({ checked }) => checked))).toBeGreaterThan(0);
  });
});
