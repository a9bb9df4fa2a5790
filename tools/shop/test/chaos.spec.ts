import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AuditReport } from '@atlas/cli/audit/audit';
import type { LoadResult } from '../src/load/load';
import { atlas, mustSucceed } from '@atlas/cli/test/command';

interface ChaosResult {
  readonly kills: Readonly<Record<string, number>>;
  readonly load: LoadResult;
  readonly audit: AuditReport;
}

describe('Chaos', () => {
  it('leaves faults on a cluster to whoever has one, and says so', async () => {
    const { code, stderr } = await atlas('/nowhere', 'chaos', '--faults', '1', '--stack', 'k8s');

    expect(code).toBe(1);
    expect(stderr).toContain('In a cluster, kubectl starts and stops the platform');
  });

  it('kills services, relays and the database, and every order settles once', async () => {
    const nowhere = await mkdtemp(join(tmpdir(), 'atlas-nothing-runs-'));
    const { code, stdout, stderr } = await atlas(
      nowhere,
      'chaos',
      '--limit',
      '400',
      '--every',
      '0.4',
      '--seed',
      '7',
      '--json',
    );
    await rm(nowhere, { recursive: true });

    mustSucceed({ code, stdout, stderr });
    const { kills, load, audit } = JSON.parse(stdout) as ChaosResult;
    expect(Object.keys(kills).length).toBeGreaterThanOrEqual(3);
    expect(stderr.match(/kill -9 \d+/g)).toHaveLength(
      Object.values(kills).reduce((sum, count) => sum + count, 0),
    );
    const cancelled = Object.values(load.cancelled).reduce((sum, count) => sum + count, 0);
    expect(load.placed).toBe(400);
    expect(load.confirmed + cancelled).toBe(400);
    expect(audit.checks.flatMap(({ violations }) => violations)).toEqual([]);
    // Each order was seen: nothing was settled by not looking.
    expect(Math.min(...audit.checks.map(({ checked }) => checked))).toBeGreaterThan(0);
  }, 300_000);
});
