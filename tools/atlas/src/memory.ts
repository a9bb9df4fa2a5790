import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

export interface Memory {
  /** Resident set size: shared pages, such as PostgreSQL's buffers, count in full for each process. */
  readonly rssBytes: number;
  /** Proportional set size: each shared page counts once in total. Null if the system doesn't report it. */
  readonly pssBytes: number | null;
}

const KIBIBYTE = 1024;

/** @param withChildren whether to include all descendants. @returns null if the process has ended. */
export async function memoryOf(pid: number, withChildren: boolean): Promise<Memory | null> {
  const own = process.platform === 'linux' ? await onLinux(pid) : await byPs(pid);
  if (!own || !withChildren) return own;
  const below = await Promise.all((await childrenOf(pid)).map((child) => memoryOf(child, true)));
  return below.reduce<Memory>(
    (sum, child) => ({
      rssBytes: sum.rssBytes + (child?.rssBytes ?? 0),
      pssBytes:
        sum.pssBytes === null || child?.pssBytes === null ? null : sum.pssBytes + (child?.pssBytes ?? 0),
    }),
    own,
  );
}

async function onLinux(pid: number): Promise<Memory | null> {
  const rss = field(await read(`/proc/${pid}/status`), 'VmRSS');
  return rss === null
    ? null
    : { rssBytes: rss, pssBytes: field(await read(`/proc/${pid}/smaps_rollup`), 'Pss') };
}

async function byPs(pid: number): Promise<Memory | null> {
  const kibibytes = Number(await output('ps', '-o', 'rss=', '-p', String(pid)));
  return kibibytes > 0 ? { rssBytes: kibibytes * KIBIBYTE, pssBytes: null } : null;
}

async function childrenOf(pid: number): Promise<number[]> {
  const list =
    process.platform === 'linux'
      ? await read(`/proc/${pid}/task/${pid}/children`)
      : await output('pgrep', '-P', String(pid));
  return list.split(/\s+/).filter(Boolean).map(Number);
}

const read = (path: string): Promise<string> => readFile(path, 'utf8').catch(() => '');

const output = (program: string, ...args: string[]): Promise<string> =>
  promisify(execFile)(program, args).then(
    ({ stdout }) => stdout,
    () => '',
  );

function field(text: string, name: string): number | null {
  const kibibytes = new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1];
  return kibibytes === undefined ? null : Number(kibibytes) * KIBIBYTE;
}
