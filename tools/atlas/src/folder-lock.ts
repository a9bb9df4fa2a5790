import { link, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { identify, isRunning, processIdentity, type ProcessIdentity } from './process-identity';
import { errnoOf } from './user-error';

/** A lock file that names the process which holds it. The lock of a process that has ended counts for nothing. */
export class FolderLock {
  constructor(private readonly path: string) {}

  /**
   * @returns a function that releases the lock, or the process that holds it.
   * @throws the file system's error if the lock file can't be written.
   */
  async acquire(): Promise<(() => Promise<void>) | ProcessIdentity> {
    const mine = JSON.stringify(identify(process.pid));
    const draft = `${this.path}.new.${process.pid}`;
    try {
      await writeFile(draft, mine);
      for (;;) {
        try {
          // link() is atomic: the lock appears with its content, and only if there is none yet.
          await link(draft, this.path);
          break;
        } catch (error) {
          if (errnoOf(error) !== 'EEXIST') throw error;
        }
        const content = await this.read();
        const holder = runningHolder(content);
        if (holder) return holder;
        await this.break(content);
      }
    } finally {
      await rm(draft, { force: true });
    }
    return async () => {
      if ((await this.read()) === mine) await rm(this.path, { force: true });
    };
  }

  /** The running process that holds the lock, if any. */
  async holder(): Promise<ProcessIdentity | undefined> {
    return runningHolder(await this.read());
  }

  private read(): Promise<string> {
    return readFile(this.path, 'utf8').catch(() => '');
  }

  /** Removes the lock of a process that has ended, unless another process has just acquired it. */
  private async break(stale: string): Promise<void> {
    const aside = `${this.path}.${process.pid}`;
    await rename(this.path, aside).catch((error: unknown) => {
      if (errnoOf(error) !== 'ENOENT') throw error;
    });
    if ((await readFile(aside, 'utf8').catch(() => stale)) !== stale) await link(aside, this.path);
    await rm(aside, { force: true });
  }
}

function runningHolder(content: string): ProcessIdentity | undefined {
  let json: unknown;
  try {
    json = JSON.parse(content);
  } catch {
    return undefined;
  }
  const holder = processIdentity.safeParse(json);
  return holder.success && isRunning(holder.data) ? holder.data : undefined;
}
