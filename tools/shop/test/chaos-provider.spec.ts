import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AuditReport } from '@atlas/cli/audit/audit';
import { atlas, mustSucceed } from '@atlas/cli/test/command';

interface ChaosProviderResult {
  readonly phases: readonly {
    readonly phase: string;
    readonly orders: number;
    readonly confirmed: number;
    readonly cancelled: Readonly<Record<string, number>>;
    readonly injected: number;
    readonly kills: number;
  }[];
  readonly money: { readonly ledger: string; readonly provider: string };
  readonly audit: AuditReport;
}

describe('Chaos at the payment provider', () => {
  it('settles every order through all its faults and kills, and the books agree to the cent', async () => {
    const nowhere = await mkdtemp(join(tmpdir(), 'atlas-nothing-runs-'));
    const { code, stdout, stderr } = await atlas(
      nowhere,
      'chaos-provider',
      '--limit',
      '60',
      '--outage',
      '0.5',
      '--json',
    );
    await rm(nowhere, { recursive: true });

    mustSucceed({ code, stdout, stderr });
    const { phases, money, audit } = JSON.parse(stdout) as ChaosProviderResult;
    const settled = phases.map(
      ({ confirmed, cancelled }) =>
        confirmed + Object.values(cancelled).reduce((sum, count) => sum + count, 0),
    );
    expect(settled).toEqual(phases.map(({ orders }) => orders));
    expect(settled.reduce((sum, count) => sum + count, 0)).toBe(60);
    expect(phases.filter(({ injected }) => injected > 0).length).toBeGreaterThan(phases.length / 2);
    expect(phases.reduce((sum, { kills }) => sum + kills, 0)).toBe(2);
    expect(stderr.match(/kill -9 \d+ \(payment-provider\)/g)).toHaveLength(2);
    expect(Number(money.ledger)).toBeGreaterThan(0);
    expect(money.provider).toBe(money.ledger);
    expect(audit.checks.flatMap(({ violations }) => violations)).toEqual([]);
    expect(audit.inFlight.unreconciled).toBe(0);
  }, 300_000);
});
