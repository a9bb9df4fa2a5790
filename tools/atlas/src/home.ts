import { mkdir, readdir, readFile, rm, rmdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import { FolderLock } from './folder-lock';
import { type PlatformState, StateFile } from './platform-state';
import type { ProcessIdentity } from './process-identity';
import { projectRoot } from './project-root';
import { errnoOf, UserError } from './user-error';

/** The version of the data folder's layout and of the database schemas. Atlas opens no other version. */
const FORMAT = 4;

/** Files and folders that Atlas creates in the data folder, with their temporary files. */
const OWN_ENTRY =
  /^(?:postgres(?:\.new)?|atlas-password\.new|logs|(?:state\.json|version|lock)(?:\.new)?(?:\.\d+)?)$/;

/** The data folder: databases, logs, and the state of the running platform. */
export class Home {
  private readonly state: StateFile;
  private readonly folderLock: FolderLock;

  constructor(readonly path: string) {
    this.state = new StateFile(join(path, 'state.json'));
    this.folderLock = new FolderLock(join(path, 'lock'));
  }

  /** ATLAS_HOME, or `.atlas` next to the sources. */
  static fromEnvironment(env: NodeJS.ProcessEnv = process.env): Home {
    return new Home(env['ATLAS_HOME'] ? resolve(env['ATLAS_HOME']) : join(projectRoot(), '.atlas'));
  }

  get postgresDir(): string {
    return join(this.path, 'postgres');
  }

  get logFile(): string {
    return join(this.path, 'logs', 'atlas.log');
  }

  /** Creates the folder if it is missing. @throws UserError if it can't be used. */
  async open(): Promise<void> {
    const versionFile = join(this.path, 'version');
    try {
      await mkdir(this.path, { recursive: true });
      const version = await readFile(versionFile, 'utf8').catch((error: unknown) => {
        if (errnoOf(error) === 'ENOENT') return undefined;
        throw error;
      });
      if (version === undefined) await writeFileAtomic(versionFile, `${FORMAT}\n`);
      else if (version.trim() !== String(FORMAT)) {
        throw new UserError(
          `${this.path} has data format ${version.trim().slice(0, 20)}, but this version of Atlas needs format ` +
            `${FORMAT}: run "npx atlas reset" to delete the data and start afresh, set ATLAS_HOME to another folder, ` +
            'or use the version of Atlas that created it',
        );
      }
    } catch (error) {
      throw this.explain(error);
    }
  }

  /**
   * Makes this process the only one that runs the platform in this folder.
   * @returns a function that releases the lock.
   * @throws UserError that names the process which already runs it.
   */
  async lock(): Promise<() => Promise<void>> {
    const acquired = await this.folderLock.acquire().catch((error: unknown) => {
      throw this.explain(error);
    });
    if (typeof acquired === 'function') return acquired;
    throw new UserError(await this.alreadyRuns(acquired));
  }

  /** The process that runs the platform in this folder, if any. */
  holder(): Promise<ProcessIdentity | undefined> {
    return this.folderLock.holder();
  }

  /** @returns undefined if the platform was never started, or was shut down properly. */
  readState(): Promise<PlatformState | undefined> {
    return this.state.read();
  }

  async writeState(state: PlatformState): Promise<void> {
    try {
      await this.state.write(state);
    } catch (error) {
      throw this.explain(error);
    }
  }

  removeState(): Promise<void> {
    return this.state.remove();
  }

  /** Deletes everything that Atlas keeps in the folder, and leaves other files alone. */
  async erase(): Promise<void> {
    try {
      const entries = await readdir(this.path).catch((error: unknown) => {
        if (errnoOf(error) === 'ENOENT') return undefined;
        throw error;
      });
      if (!entries) return;
      for (const entry of entries.filter((name) => OWN_ENTRY.test(name))) {
        await rm(join(this.path, entry), { recursive: true, force: true });
      }
      if ((await readdir(this.path)).length === 0) await rmdir(this.path);
    } catch (error) {
      throw this.explain(error);
    }
  }

  /** The message for someone who tries to start a second platform in this folder. */
  async alreadyRuns(holder: ProcessIdentity): Promise<string> {
    const services = (await this.readState())?.processes.filter(({ kind }) => kind === 'service') ?? [];
    const urls = services.map(({ name, url }) => `${name} at ${url}`).join(', ');
    return (
      `Atlas already runs in ${this.path} (pid ${holder.pid}${urls && `; ${urls}`}): use it, stop it with ` +
      '"npx atlas down", or set ATLAS_HOME to another folder to run a second one'
    );
  }

  /** Turns an error of the file system into a UserError with advice; returns other errors unchanged. */
  explain(error: unknown): unknown {
    const code: string = errnoOf(error) ?? '';
    switch (code) {
      case 'EACCES':
      case 'EPERM':
      case 'EROFS':
        return new UserError(
          `The data folder ${this.path} is not writable: make it writable for this user, or set ATLAS_HOME to ` +
            'another folder',
        );
      case 'ENOSPC':
      case 'EDQUOT':
        return new UserError(
          `The disk of ${this.path} is full: free some space and start again; no data is lost`,
        );
      case 'ENOTDIR':
      case 'EEXIST':
        return new UserError(`${this.path} is not a folder: set ATLAS_HOME to one`);
      default:
        return error;
    }
  }
}
