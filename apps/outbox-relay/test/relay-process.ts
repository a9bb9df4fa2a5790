import { type ChildProcess, execFile, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { eventually, parsePrometheusText } from '@atlas/testing';

const ROOT = resolve(__dirname, '../../..');

const contextOf = (name: string, port: number, topics: object) => ({
  name,
  title: name,
  description: 'Publishes.',
  kind: 'context',
  database: name,
  topics,
  processes: { [name]: { port }, [`${name}-relay`]: { port: port + 10, app: 'outbox-relay' } },
  stores: ['postgres', 'eventLog'],
});

const CONTEXTS = [
  contextOf('lending', 4501, { publishes: 'lending.events' }),
  contextOf('shelves', 4502, { publishes: 'shelves.events', consumes: ['lending.events'] }),
];

/** Compiled, as everything else there. */
const LANGUAGE = `
  const { catalogueOf, defineEvent, topicOf } = require('../../events/src');
  const { z } = require('zod');
  const owners = ${JSON.stringify(CONTEXTS.map(({ name }) => name))};
  const contracts = owners.map((owner) =>
    defineEvent({ type: owner + '.moved', version: 1, owner, aggregate: 'book', data: z.object({}), examples: [{}] }),
  );
  exports.catalogue = catalogueOf({
    contracts,
    topics: owners.map((owner) => ({ name: topicOf(owner), partitions: 6 })),
  });
`;

/** The relay as it is built and run, for tests that kill it. */
export class RelayBuild {
  private constructor(private readonly folder: string) {}

  static async make(): Promise<RelayBuild> {
    // Below the root, so that Node finds the packages.
    const folder = await mkdtemp(join(ROOT, 'node_modules', '.relay-test-'));
    const swc = require.resolve('@swc/cli/bin/swc.js');
    await promisify(execFile)(
      process.execPath,
      [swc, 'apps/outbox-relay', 'libs', '--out-dir', folder, '--copy-files'],
      { cwd: ROOT },
    );
    // Who publishes, and who consumes a topic: two contexts of their own in place of this repository's.
    for (const context of CONTEXTS) {
      await mkdir(join(folder, 'apps', context.name));
      await writeFile(join(folder, 'apps', context.name, 'context.json'), JSON.stringify(context));
    }
    await writeFile(join(folder, 'libs/contracts/src/index.js'), LANGUAGE);
    return new RelayBuild(folder);
  }

  start(env: Readonly<Record<string, string>>): RelayProcess {
    const main = join(this.folder, 'apps/outbox-relay/src/main.js');
    return new RelayProcess(fork(main, { env: { SERVICE: 'lending', PORT: '0', ...env }, silent: true }));
  }

  remove(): Promise<void> {
    return rm(this.folder, { recursive: true, force: true });
  }
}

interface Answer {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

export class RelayProcess {
  output = '';
  readonly exit: Promise<number | null>;

  constructor(private readonly child: ChildProcess) {
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (chunk: Buffer) => (this.output += chunk.toString()));
    }
    this.exit = once(child, 'close').then(([code]) => code as number | null);
  }

  /** How often its log contains the message. */
  says(words: RegExp): number {
    return this.output.match(new RegExp(words, 'g'))?.length ?? 0;
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** Its URL, available once it listens. */
  url(): Promise<string> {
    return eventually(() => this.output.match(/is ready at (http:[^,]+),/)?.[1], 120_000);
  }

  get(path: string): Promise<Answer> {
    return this.call('GET', path);
  }

  post(path: string): Promise<Answer> {
    return this.call('POST', path);
  }

  private async call(method: string, path: string): Promise<Answer> {
    const response = await fetch((await this.url()) + path, { method });
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  }

  /** @returns the value of each series of the metric, by labels. */
  async metric(name: string): Promise<ReadonlyMap<string, number>> {
    const response = await fetch(`${await this.url()}/metrics`);
    const samples = [...parsePrometheusText(await response.text()).values()].flatMap(
      (family) => family.samples,
    );
    return new Map(
      samples
        .filter((sample) => sample.name === name)
        .map(({ labels, value }) => [Object.values(labels).join(' '), value]),
    );
  }

  /** Kills it if it still runs, and waits until it has ended. */
  async end(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.exit;
  }
}
