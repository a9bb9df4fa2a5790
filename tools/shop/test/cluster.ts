import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { promisify } from 'node:util';
import { eventually } from '@atlas/testing';
import { generateBaskets } from '../src/chaos/baskets';
import type { LoadResult } from '../src/load/load';

export const NAMESPACE = 'atlas';
const ROOT = join(__dirname, '../../..');
const READY_SECONDS = 600;
const ORDERS_PER_SECOND = 10;

const exec = promisify(execFile);

/** @throws Error with all that the program has said if it fails. */
export async function run(program: string, ...args: readonly string[]): Promise<string> {
  const options = { cwd: ROOT, env: { ...process.env, ATLAS_STACK: 'k8s' }, maxBuffer: 64 * 1024 * 1024 };
  try {
    return (await exec(program, args, options)).stdout;
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
    throw new Error(`${program} ${args.join(' ')} failed:\n${stdout}\n${stderr}`, { cause: error });
  }
}

export const kubectl = (...args: readonly string[]): Promise<string> =>
  run('kubectl', '--namespace', NAMESPACE, ...args);

export const atlas = (...args: readonly string[]): Promise<string> =>
  run(process.execPath, 'tools/bootstrap.mjs', 'atlas', ...args);

export const ready = (): Promise<string> => run('deploy/k8s/wait.sh', NAMESPACE, `${READY_SECONDS}s`);

/**
 * Applies deploy/k8s, without the pods of Grafana, whose image a cluster of tests need not have.
 * @param tag of the image.
 */
export async function apply(tag = 'latest'): Promise<void> {
  const folder = await temporaryFolder();
  const kustomization = {
    apiVersion: 'kustomize.config.k8s.io/v1beta1',
    kind: 'Kustomization',
    resources: [relative(folder, join(ROOT, 'deploy/k8s'))],
    images: [{ name: 'atlas', newTag: tag }],
    replicas: [{ name: 'grafana', count: 0 }],
  };
  await writeFile(join(folder, 'kustomization.yaml'), JSON.stringify(kustomization));
  await run('kubectl', 'apply', '--kustomize', folder);
}

/** Every invariant holds, once all events are handled. */
export async function expectCleanAudit(): Promise<void> {
  await eventually(async () => {
    const report = JSON.parse(await atlas('audit', '--json')) as {
      readonly ok: boolean;
      readonly inFlight: Readonly<Record<string, unknown>>;
    };
    expect(report.ok).toBe(true);
    return Object.values(report.inFlight)
      .flatMap((count) => (typeof count === 'number' ? count : Object.values(count as object)))
      .every((count) => count === 0);
  }, 120_000);
}

/** Writes how long it took to stderr, for docs/operations.md. */
export async function timed(work: () => Promise<unknown>): Promise<void> {
  const begin = Date.now();
  await work();
  process.stderr.write(`${expect.getState().currentTestName}: ${(Date.now() - begin) / 1_000} s\n`);
}

/** Places orders while `trouble` happens; all of them settle, and the audit is clean. */
export async function orderDuring(trouble: () => Promise<unknown>, baskets = 300): Promise<LoadResult> {
  const file = join(await temporaryFolder(), 'baskets.csv');
  await writeFile(file, generateBaskets(baskets, 1));
  const loading = atlas('load', file, '--rate', String(ORDERS_PER_SECOND), '--json');
  // A failure shows where it is awaited.
  loading.catch(() => undefined);
  await timed(trouble);
  const result = JSON.parse(await loading) as LoadResult;
  expect(result).toMatchObject({ placed: baskets });
  await ready();
  await expectCleanAudit();
  return result;
}

/** A pod is lost, without a chance to say goodbye. */
export const lose = (...pods: readonly string[]): Promise<string> =>
  kubectl('delete', 'pod', ...pods, '--force', '--grace-period', '0');

/** Runs JavaScript in a pod of a Deployment, where the platform's packages are. @returns what it writes. */
export const runIn = async (deployment: string, code: string): Promise<string> =>
  (await kubectl('exec', `deployment/${deployment}`, '--', 'node', '-e', code)).trim();

const folders: string[] = [];

/** Lasts until {@link removeFolders}. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'atlas-k8s-'));
  folders.push(folder);
  return folder;
}

export async function removeFolders(): Promise<void> {
  await Promise.all(folders.splice(0).map((folder) => rm(folder, { recursive: true, force: true })));
}
