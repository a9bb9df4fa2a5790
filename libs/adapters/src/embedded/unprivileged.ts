import { spawnSync } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';

/** How to start a program that refuses to run as root. */
export interface Launcher {
  /** The user and group that must own its files; undefined means this process's. */
  readonly owner: { readonly uid: number; readonly gid: number } | undefined;
  /** Arguments for `spawn`. */
  command(
    program: string,
    args: readonly string[],
  ): { file: string; args: string[]; uid?: number; gid?: number };
}

const NOBODY = 65_534;

/**
 * Picks a user for programs that refuse to run as root: this process's user or, if that is root, the owner of `home` or
 * nobody. If that user can't reach one of `paths` (such as a clone under /root), the program keeps only the capability
 * that bypasses folder permissions.
 * @throws Error if the user can't reach a path and util-linux's setpriv is missing.
 */
export async function unprivilegedLauncher(home: string, paths: readonly string[]): Promise<Launcher> {
  if (process.getuid?.() !== 0)
    return { owner: undefined, command: (file, args) => ({ file, args: [...args] }) };

  const { uid, gid } = await stat(home);
  const owner = uid === 0 ? { uid: NOBODY, gid: NOBODY } : { uid, gid };
  let closed: string | undefined;
  for (const path of paths) closed ??= await firstClosedFolder(path, owner);
  if (!closed) return { owner, command: (file, args) => ({ file, args: [...args], ...owner }) };

  if (spawnSync('setpriv', ['--version']).status !== 0) {
    throw new Error(
      `PostgreSQL can't run as root, and user ${owner.uid} can't enter ${closed}: run as another user, ` +
        'move the project out of that folder, or install util-linux (setpriv)',
    );
  }
  const capability = '+dac_override';
  return {
    owner,
    command: (program, args) => ({
      file: 'setpriv',
      args: [
        `--reuid=${owner.uid}`,
        `--regid=${owner.gid}`,
        '--clear-groups',
        `--inh-caps=${capability}`,
        `--ambient-caps=${capability}`,
        // Otherwise access(2), which initdb uses to find its files, ignores the capability.
        '--securebits=+no_setuid_fixup',
        '--',
        program,
        ...args,
      ],
    }),
  };
}

/** The path, or its nearest parent folder, that `owner` may not read or enter. */
async function firstClosedFolder(
  path: string,
  owner: { uid: number; gid: number },
): Promise<string | undefined> {
  const { mode, uid, gid } = await stat(path);
  const wanted = 0o5;
  const granted = uid === owner.uid ? mode >> 6 : gid === owner.gid ? mode >> 3 : mode;
  // Parent folders need only be entered, but unreadable ones are rare enough to treat them alike.
  if ((granted & wanted) !== wanted) return path;
  const parent = dirname(path);
  return parent === path ? undefined : firstClosedFolder(parent, owner);
}
