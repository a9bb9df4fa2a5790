import { existsSync } from 'node:fs';
import { link, mkdir, readdir, readFile, rename, rm, rmdir, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { z } from 'zod';
import { identify, isRunning, type ProcessIdentity } from './process-identity';
import { errnoOf, UserError } from './user-error';

/** The version of the data folder's layout and of the schemas in its databases; Atlas opens no other. */
const FORMAT = 2;

const identity = z.object({ pid: z.int().positive(), started: z.string() });

const platformState = z.object({
  /** The process that runs the others. */
  supervisor: identity,
  startedAt: z.iso.datetime(),
  postgres: z.object({
    /** Null while it waits to be started again. */
    pid: z.int().nullable(),
    port: z.int(),
    restarts: z.int(),
    startedAt: z.iso.datetime().nullable(),
  }),
  /** By name: the URL of each database, password included. */
  databases: z.record(z.string(), z.string()),
  processes: z.array(
    z.object({
      name: z.string(),
      kind: z.enum(['service', 'relay', 'outside']),
      port: z.int(),
      url: z.string(),
      /** Null while it waits to be started again. */
      process: identity.nullable(),
      restarts: z.int(),
      startedAt: z.iso.datetime().nullable(),
    }),
  ),
});

/** What runs now, as the supervisor keeps it on disk for the other commands. */
export type PlatformState = z.infer<typeof platformState>;

/** The folder with everything that the platform keeps: data, logs, and what runs. */
export class Home {
  constructor(readonly path: string) {}

  /** ATLAS_HOME, or `.atlas` beside the sources. */
  static fromEnvironment(env: NodeJS.ProcessEnv = process.env): Home {
    return new Home(env['ATLAS_HOME'] ? resolve(env['ATLAS_HOME']) : join(projectRoot(), '.atlas'));
  }

  get postgresDir(): string {
    return join(this.path, 'postgres');
  }

  get logFile(): string {
    return join(this.path, 'logs', 'atlas.log');
  }

  private get stateFile(): string {
    return join(this.path, 'state.json');
  }

  private get lockFile(): string {
    return join(this.path, 'lock');
  }

  private get versionFile(): string {
    return join(this.path, 'version');
  }

  /** Makes the folder when it is missing. @throws UserError if it can't be used. */
  async open(): Promise<void> {
    try {
      await mkdir(this.path, { recursive: true });
      const version = await readFile(this.versionFile, 'utf8').catch((error: unknown) => {
        if (errnoOf(error) === 'ENOENT') return undefined;
        throw error;
      });
      if (version === undefined) await replaceFile(this.versionFile, `${FORMAT}\n`, 0o644);
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
   * Makes this process the one that runs the platform in this folder.
   * @returns what gives it up again.
   * @throws UserError that names the running one if there is one.
   */
  async lock(): Promise<() => Promise<void>> {
    const mine = JSON.stringify(identify(process.pid));
    const draft = `${this.lockFile}.new.${process.pid}`;
    try {
      await writeFile(draft, mine);
      for (;;) {
        try {
          // A link appears with its content, and only where there is none.
          await link(draft, this.lockFile);
          break;
        } catch (error) {
          if (errnoOf(error) !== 'EEXIST') throw error;
        }
        const content = await readFile(this.lockFile, 'utf8').catch(() => '');
        const holder = runningHolder(content);
        if (holder) throw new UserError(await this.alreadyRuns(holder));
        await this.breakLock(content);
      }
    } catch (error) {
      throw this.explain(error);
    } finally {
      await rm(draft, { force: true });
    }
    return async () => {
      if ((await readFile(this.lockFile, 'utf8').catch(() => '')) === mine)
        await rm(this.lockFile, { force: true });
    };
  }

  /** The process that runs the platform here, if one does. */
  async holder(): Promise<ProcessIdentity | undefined> {
    return runningHolder(await readFile(this.lockFile, 'utf8').catch(() => ''));
  }

  /** @returns undefined if the platform has not been started, or was stopped in good order. */
  async readState(): Promise<PlatformState | undefined> {
    const content = await readFile(this.stateFile, 'utf8').catch(() => '');
    return platformState.safeParse(parseJson(content)).data;
  }

  async writeState(state: PlatformState): Promise<void> {
    try {
      await replaceFile(this.stateFile, `${JSON.stringify(state, undefined, 2)}\n`, 0o600);
    } catch (error) {
      throw this.explain(error);
    }
  }

  async removeState(): Promise<void> {
    await rm(this.stateFile, { force: true });
  }

  /** Deletes all that the platform keeps here, and nothing else that may lie in the folder. */
  async erase(): Promise<void> {
    const ours =
      /^(?:postgres(?:\.new)?|atlas-password\.new|logs|(?:state\.json|version|lock)(?:\.new)?(?:\.\d+)?)$/;
    try {
      const entries = await readdir(this.path).catch((error: unknown) => {
        if (errnoOf(error) === 'ENOENT') return undefined;
        throw error;
      });
      if (!entries) return;
      for (const entry of entries.filter((name) => ours.test(name))) {
        await rm(join(this.path, entry), { recursive: true, force: true });
      }
      if ((await readdir(this.path)).length === 0) await rmdir(this.path);
    } catch (error) {
      throw this.explain(error);
    }
  }

  /** Removes the lock of a process that is gone, unless another one has just taken its place. */
  private async breakLock(stale: string): Promise<void> {
    const aside = `${this.lockFile}.${process.pid}`;
    await rename(this.lockFile, aside).catch((error: unknown) => {
      if (errnoOf(error) !== 'ENOENT') throw error;
    });
    if ((await readFile(aside, 'utf8').catch(() => stale)) !== stale) await link(aside, this.lockFile);
    await rm(aside, { force: true });
  }

  /** A sentence for one who wants to start a second one here. */
  async alreadyRuns(holder: ProcessIdentity): Promise<string> {
    const services = (await this.readState())?.processes.filter(({ kind }) => kind === 'service') ?? [];
    const urls = services.map(({ name, url }) => `${name} at ${url}`).join(', ');
    return (
      `Atlas already runs in ${this.path} (pid ${holder.pid}${urls && `; ${urls}`}): use that one, stop it with ` +
      '"npx atlas down", or set ATLAS_HOME to another folder for a second one'
    );
  }

  /** Turns what the system said about this folder into a sentence; other errors stay as they are. */
  explain(error: unknown): unknown {
    const code: string = errnoOf(error) ?? '';
    switch (code) {
      case 'EACCES':
      case 'EPERM':
      case 'EROFS':
        return new UserError(
          `The data folder ${this.path} can't be written: make it writable for this user, or set ATLAS_HOME to ` +
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

function runningHolder(content: string): ProcessIdentity | undefined {
  const holder = identity.safeParse(parseJson(content));
  return holder.success && isRunning(holder.data) ? holder.data : undefined;
}

/** The folder of the sources, wherever this file was compiled to. */
export function projectRoot(): string {
  let folder = __dirname;
  while (!existsSync(join(folder, 'nx.json'))) folder = dirname(folder);
  return folder;
}

/** Readers see the old content or the new, whole. */
async function replaceFile(path: string, content: string, mode: number): Promise<void> {
  const draft = `${path}.${process.pid}`;
  try {
    await writeFile(draft, content, { mode, flush: true });
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true }).catch(() => {});
    throw error;
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
