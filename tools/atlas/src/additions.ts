import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { projectRoot } from './project-root';

/**
 * What a project of tools/ adds to the atlas command: the export `addition` of `tools/<project>/src/verbs.ts`. The
 * command finds it there, as it finds the contexts in apps/.
 */
export interface Addition {
  /** Adds its verbs. They load their code only when they are called. */
  readonly add: (program: Command) => void;
  /** What "atlas demo" does, and "npm start" once the platform runs. @returns an exit code. */
  readonly show?: (options: ShowOptions) => Promise<number>;
}

export interface ShowOptions {
  readonly json?: boolean;
  /** Time limit for all of it, seconds. */
  readonly timeout: number;
}

export async function readAdditions(): Promise<readonly Addition[]> {
  const tools = join(projectRoot(), 'dist/tools');
  const files = readdirSync(tools)
    .sort()
    .map((project) => join(tools, project, 'src/verbs.js'))
    .filter((file) => existsSync(file));
  return Promise.all(files.map(async (file) => ((await import(file)) as { addition: Addition }).addition));
}
