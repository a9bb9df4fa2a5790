import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
// eslint-disable-next-line @nx/enforce-module-boundaries -- Jest's aliases don't apply to its own set-up
import { EmbeddedPostgres } from '../../libs/adapters/src/embedded/postgres-server';

/** Where `nx run jest:postgres` says which server the tests of all projects share. */
const FOLDER = join(__dirname, '../../.nx');
const ADDRESS = join(FOLDER, 'test-postgres.json');

interface Address {
  readonly url: string;
  readonly pid: number;
}

/** A server for tests, with its data in a temporary folder. */
export class TestPostgres {
  private constructor(
    private readonly server: EmbeddedPostgres,
    private readonly folder: string,
  ) {}

  static async start(): Promise<TestPostgres> {
    const folder = await mkdtemp(join(tmpdir(), 'atlas-test-'));
    return new TestPostgres(await EmbeddedPostgres.start({ dataDir: join(folder, 'postgres') }), folder);
  }

  get url(): string {
    return this.server.urlOf('postgres');
  }

  async stop(): Promise<void> {
    await this.server.stop();
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** Announces `url` to the tests of all projects, as long as this process lives. */
export async function announce(url: string): Promise<void> {
  await mkdir(FOLDER, { recursive: true });
  const address: Address = { url, pid: process.pid };
  await writeFile(`${ADDRESS}.new`, JSON.stringify(address), { mode: 0o600 });
  await rename(`${ADDRESS}.new`, ADDRESS);
}

/** @throws Error if no running process has announced a server within `timeoutMs`. */
export async function announcedUrl(timeoutMs = 60_000): Promise<string> {
  for (const deadline = Date.now() + timeoutMs; Date.now() < deadline;) {
    const address = await readFile(ADDRESS, 'utf8').then(
      (text) => JSON.parse(text) as Address,
      () => undefined,
    );
    if (address && isAlive(address.pid)) return address.url;
    await new Promise((done) => setTimeout(done, 50));
  }
  throw new Error('"nx run jest:postgres" has not started a server: see its output');
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
