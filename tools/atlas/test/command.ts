import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { projectRoot } from '../src/project-root';

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The command as a user runs it, on a data folder of its own. */
export async function atlas(home: string, ...args: readonly string[]): Promise<Outcome> {
  const child = startAtlas(home, ...args);
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'exit') as Promise<[number]>,
  ]);
  return { code, stdout, stderr };
}

/** The same, left running. */
export const startAtlas = (
  home: string,
  ...args: readonly string[]
): ChildProcessByStdio<null, Readable, Readable> =>
  spawn(process.execPath, [join(projectRoot(), 'tools/atlas.mjs'), ...args], {
    cwd: projectRoot(),
    env: { ...process.env, ATLAS_HOME: home },
    stdio: ['ignore', 'pipe', 'pipe'],
  });

/** @throws with all that the command has said, unless it has succeeded. */
export function mustSucceed({ code, stdout, stderr }: Outcome): void {
  if (code !== 0) throw new Error(`The command ended with code ${code}:\n${stderr}\n${stdout}`);
}
