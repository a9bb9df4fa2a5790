import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, rm, statfs, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

const BYTES = 6 * 1024 ** 3;
const FILLER = 'filler';

/** Why a disk of limited size is impossible on this machine; undefined if it is possible. */
export function whyNoDisk(): string | undefined {
  if (process.platform !== 'linux') return 'a disk of limited size needs loop devices of Linux';
  if (process.getuid?.() !== 0) return 'only root may mount a disk of limited size';
  if (!existsSync('/dev/loop-control')) return 'this machine has no loop devices';
  return undefined;
}

/** A file system of limited size, in a sparse file, that can be filled to the last byte. */
export class Disk {
  private constructor(
    private readonly image: string,
    readonly folder: string,
  ) {}

  /** @param path of the folder where it is mounted; its file lies beside. */
  static async mount(path: string): Promise<Disk> {
    const image = `${path}.img`;
    await mkdir(path, { recursive: true });
    await writeFile(image, '');
    await truncate(image, BYTES);
    // Nothing is reserved for root.
    await run('mkfs.ext4', ['-q', '-m', '0', image]);
    await run('mount', ['-o', 'loop', image, path]);
    await rm(join(path, 'lost+found'), { recursive: true });
    return new Disk(image, path);
  }

  /** Takes all the space that is left; {@link free} gives it back. */
  async fill(): Promise<void> {
    const path = join(this.folder, FILLER);
    for (let wanted = await this.available(), at = 0; wanted > 0;) {
      const taken = await run('fallocate', ['--offset', String(at), '--length', String(wanted), path]).then(
        () => true,
        () => false,
      );
      if (taken) at += wanted;
      const left = await this.available();
      wanted = taken ? left : Math.min(left, Math.floor(wanted / 2));
    }
  }

  async free(): Promise<void> {
    await rm(join(this.folder, FILLER), { force: true });
  }

  async unmount(): Promise<void> {
    // Whoever used it may still be closing files.
    for (let attempt = 1; ; attempt++) {
      try {
        await run('umount', [this.folder]);
        break;
      } catch (error) {
        if (attempt === 50) throw error;
        await sleep(200);
      }
    }
    await rm(this.image);
  }

  private async available(): Promise<number> {
    const { bavail, bsize } = await statfs(this.folder);
    return bavail * bsize;
  }
}
