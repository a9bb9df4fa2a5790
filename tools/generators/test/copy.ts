import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, lstatSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';

export const ROOT = join(__dirname, '../../..');

/** The outcome of a program. */
export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  /** stdout, then stderr. */
  readonly output: string;
}

/** A copy of the repository as it is now, with its packages, in which generators may write. */
export class Copy {
  readonly root = mkdtempSync(join(tmpdir(), 'atlas-copy-'));

  constructor() {
    for (const file of filesOf(ROOT)) {
      mkdirSync(dirname(join(this.root, file)), { recursive: true });
      copyFileSync(join(ROOT, file), join(this.root, file));
    }
    symlinkSync(join(ROOT, 'node_modules'), join(this.root, 'node_modules'));
    // So that "git status" says what a generator leaves.
    this.git('init', '--quiet');
    this.git('add', '--all');
  }

  /** Runs a program of Node in the copy. */
  run(script: string, ...args: readonly string[]): Outcome {
    const { status, stdout, stderr } = spawnSync(process.execPath, [resolve(this.root, script), ...args], {
      cwd: this.root,
      encoding: 'utf8',
      maxBuffer: 64 * 1024 * 1024,
      env: { ...process.env, NODE_OPTIONS: '', NX_DAEMON: 'false', NO_COLOR: '1', FORCE_COLOR: '0' },
    });
    return { code: status, stdout, output: `${stdout}${stderr}` };
  }

  /** The same. @returns its stdout. @throws Error if it fails. */
  must(script: string, ...args: readonly string[]): string {
    const { code, stdout, output } = this.run(script, ...args);
    if (code !== 0) throw new Error(`${script} ${args.join(' ')} ended with ${code}:\n${output}`);
    return stdout;
  }

  /** Runs a generator: `nx g atlas:context shipping`. */
  generate(generator: string, ...args: readonly string[]): Outcome {
    return this.run('node_modules/nx/dist/bin/nx.js', 'g', `atlas:${generator}`, ...args);
  }

  /** What differs from the repository, as `git status --short` has it. */
  changes(): readonly string[] {
    return this.git('status', '--short', '--untracked-files=all')
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('A ') && !line.endsWith(' node_modules'));
  }

  read(path: string): string {
    return readFileSync(join(this.root, path), 'utf8');
  }

  /** A digest of all files, to see that nothing has changed. */
  digest(): string {
    const hash = createHash('sha256');
    for (const file of filesOf(this.root))
      hash.update(`${file}\0`).update(readFileSync(join(this.root, file)));
    return hash.digest('hex');
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true });
  }

  private git(...args: readonly string[]): string {
    return execFileSync('git', args, { cwd: this.root, encoding: 'utf8' });
  }
}

/** The files of a working tree, whether committed or not; a link to the packages is none. */
export function filesOf(root: string): readonly string[] {
  return execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  })
    .split('\n')
    .filter((file) => file !== '' && lstatSync(join(root, file), { throwIfNoEntry: false })?.isFile())
    .sort();
}
