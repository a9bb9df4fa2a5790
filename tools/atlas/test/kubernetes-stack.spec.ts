import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { atlas } from './command';

describe('On Kubernetes', () => {
  const path = process.env['PATH'];
  let home: string;

  beforeAll(async () => (home = await mkdtemp(join(tmpdir(), 'atlas-no-cluster-'))));
  beforeEach(() => (process.env['PATH'] = home));
  afterAll(async () => {
    process.env['PATH'] = path;
    await rm(home, { recursive: true });
  });

  /** A kubectl that answers each request with the same objects. */
  const kubectlAnswers = (items: readonly object[]): Promise<void> =>
    writeFile(
      join(home, 'kubectl'),
      `#!${process.execPath}\nconsole.log(${JSON.stringify(JSON.stringify({ items }))});\n`,
      { mode: 0o755 },
    );

  const pod = (name: string, ready: boolean, more: object = {}) => ({
    kind: 'Pod',
    metadata: { name: `${name}-1`, labels: { 'app.kubernetes.io/name': name, ...more } },
    status: {
      phase: 'Running',
      startTime: '2026-01-01T00:00:00Z',
      conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }],
      containerStatuses: [{ restartCount: 2 }],
    },
  });

  it.each([['up'], ['start'], ['down'], ['reset']])(
    'kubectl does what %s does elsewhere, and the command says so',
    async (verb) => {
      const { code, stderr } = await atlas(home, verb, '--stack', 'k8s');

      expect(code).toBe(1);
      expect(stderr).toContain('In a cluster, kubectl starts and stops the platform');
    },
  );

  it('the command says if there is no kubectl', async () => {
    const { code, stderr } = await atlas(home, 'status', '--stack', 'k8s');

    expect(code).toBe(1);
    expect(stderr).toContain('The kubectl command was not found: install it');
  });

  it('status shows the pods, but no jobs', async () => {
    await kubectlAnswers([
      pod('kafka', true),
      pod('lending', false),
      pod('setup', false, { 'app.kubernetes.io/component': 'job' }),
    ]);

    const { code, stdout } = await atlas(home, 'status', '--stack', 'k8s', '--json');

    expect(code).toBe(1);
    expect((JSON.parse(stdout) as { processes: object[] }).processes).toMatchObject([
      { name: 'kafka-1', ready: true, restarts: 2 },
      { name: 'lending-1', ready: false, restarts: 2 },
    ]);
  });

  it('status says how to start what is not there', async () => {
    await kubectlAnswers([]);

    const { code, stderr } = await atlas(home, 'status', '--stack', 'k8s');

    expect(code).toBe(1);
    expect(stderr).toContain(
      `No platform is running in namespace "atlas" of kubectl's context: run "kubectl apply -k deploy/k8s"`,
    );
  });

  it('a cluster without the platform is told from one with it', async () => {
    await kubectlAnswers([]);

    const { code, stderr } = await atlas(home, 'try', '--stack', 'k8s');

    expect(code).toBe(1);
    expect(stderr).toContain('Namespace "atlas" has no secret');
  });
});
