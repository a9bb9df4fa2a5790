import { readFile, rm } from 'node:fs/promises';
import writeFileAtomic from 'write-file-atomic';
import { z } from 'zod';
import { processIdentity } from './process-identity';

const platformState = z.object({
  /** The process that runs all others. */
  supervisor: processIdentity,
  startedAt: z.iso.datetime(),
  postgres: z.object({
    /** Null while it waits for a restart. */
    pid: z.int().nullable(),
    port: z.int(),
    restarts: z.int(),
    startedAt: z.iso.datetime().nullable(),
  }),
  /** The URL of each database, by name, for the role that owns it, with its password. */
  databases: z.record(z.string(), z.string()),
  processes: z.array(
    z.object({
      name: z.string(),
      kind: z.enum(['service', 'relay', 'outside']),
      port: z.int(),
      url: z.string(),
      /** Null while it waits for a restart. */
      process: processIdentity.nullable(),
      restarts: z.int(),
      startedAt: z.iso.datetime().nullable(),
    }),
  ),
});

/** What is running. The supervisor writes it to disk, so that other commands can read it. */
export type PlatformState = z.infer<typeof platformState>;

/** The file that holds the platform's state; it contains passwords, so only its owner may read it. */
export class StateFile {
  constructor(private readonly path: string) {}

  /** @returns undefined if the platform was never started, or was shut down properly. */
  async read(): Promise<PlatformState | undefined> {
    try {
      return platformState.safeParse(JSON.parse(await readFile(this.path, 'utf8'))).data;
    } catch {
      return undefined;
    }
  }

  write(state: PlatformState): Promise<void> {
    return writeFileAtomic(this.path, `${JSON.stringify(state, undefined, 2)}\n`, { mode: 0o600 });
  }

  remove(): Promise<void> {
    return rm(this.path, { force: true });
  }
}
