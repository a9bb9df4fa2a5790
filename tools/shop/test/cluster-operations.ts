import { join } from 'node:path';
import { DECLARATIONS, PROCESSES } from '@atlas/cli/topology';
import { eventually } from '@atlas/testing';
import {
  apply,
  atlas,
  expectCleanAudit,
  kubectl,
  lose,
  NAMESPACE,
  orderDuring,
  ready,
  run,
  temporaryFolder,
  timed,
} from './cluster';

/** What an operator does and what may happen to a cluster: docs/operations.md. Needs the image under the tag `next`, too. */
export function clusterOperations(): void {
  it('may be applied again, and changes no password', async () => {
    const passwords = () => kubectl('get', 'secrets', '--output', 'jsonpath={.items[*].metadata.uid}');
    const before = await passwords();
    await apply();
    await ready();
    expect(await passwords()).toBe(before);
  });

  it('is upgraded under load, every process and every job: loses, doubles and refuses nothing', async () => {
    const { retried } = await orderDuring(async () => {
      await apply('next');
      await ready();
    });
    const images = await kubectl(
      'get',
      'pods',
      '--selector',
      'app.kubernetes.io/component in (service, relay, outside)',
      '--output',
      'jsonpath={.items[*].spec.containers[*].image}',
    );
    expect(new Set(images.split(' '))).toEqual(new Set(['atlas:next']));
    expect(retried).toEqual({});
  });

  it('loses nothing when every service, relay and stand-in is lost in turn', async () => {
    await orderDuring(async () => {
      for (const { name } of PROCESSES) {
        await lose('--selector', `app.kubernetes.io/name=${name}`);
        await kubectl('rollout', 'status', `deployment/${name}`, '--timeout', '120s');
      }
    });
  });

  it('loses nothing when all nodes of Kafka are lost at once', async () => {
    await orderDuring(async () => {
      await lose('kafka-0', 'kafka-1', 'kafka-2');
      await kubectl('rollout', 'status', 'statefulset/kafka', '--timeout', '300s');
    });
  });

  it('loses nothing when anything is lost at any time', async () => {
    const answer = JSON.parse(
      await atlas('chaos', '--every', '8', '--limit', '600', '--concurrency', '4', '--json'),
    ) as {
      readonly kills: Readonly<Record<string, number>>;
    };
    process.stderr.write(`${expect.getState().currentTestName}: ${JSON.stringify(answer.kills)}\n`);
    expect(Object.keys(answer.kills).length).toBeGreaterThan(2);
    await ready();
    await expectCleanAudit();
  });

  it("loses nothing when PostgreSQL's leader is lost and its standby takes over, there and back", async () => {
    const leader = () => kubectl('get', 'configmap', 'postgres-leader', '--output', 'jsonpath={.data.name}');
    const first = await leader();
    for (const next of [first === 'postgres-0' ? 'postgres-1' : 'postgres-0', first]) {
      await orderDuring(() => run('deploy/k8s/failover.sh', NAMESPACE));
      expect(await leader()).toBe(next);
    }
  });

  it('is restored from a backup', async () => {
    const backup = join(await temporaryFolder(), 'backup');
    await timed(() => run('deploy/k8s/backup.sh', backup));
    await timed(() =>
      run('deploy/k8s/restore.sh', backup, ...DECLARATIONS.flatMap(({ database }) => database ?? [])),
    );
    await ready();
    await expectCleanAudit();
    await orderDuring(async () => undefined, 50);
  });

  it('continues from a backup that lacks what was published, once its relay may', async () => {
    const backup = join(await temporaryFolder(), 'older');
    await run('deploy/k8s/backup.sh', backup);
    await atlas('demo');
    await run('deploy/k8s/restore.sh', backup, 'inventory');
    await eventually(async () => {
      const { processes } = JSON.parse(await atlas('status', '--json')) as {
        readonly processes: readonly { readonly name: string; readonly troubles: readonly object[] }[];
      };
      return processes.some(
        ({ name, troubles }) => name.startsWith('inventory-relay') && troubles.length > 0,
      );
    }, 60_000);
    await atlas('relay', 'adopt', 'inventory');
    await atlas('demo');
  });
}
