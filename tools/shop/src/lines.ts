import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { errnoOf, UserError } from '@atlas/cli/user-error';

export const MAX_LINE_BYTES = 1_048_576;
const LINE_FEED = 0x0a;

/** Lines as bytes, without the line feed; undefined for one that is too long to hold. */
export async function* linesOf(path: string): AsyncGenerator<Buffer | undefined> {
  let held: Buffer[] = [];
  let size = 0;
  const take = (end: Buffer): Buffer | undefined => {
    const line = size + end.length > MAX_LINE_BYTES ? undefined : Buffer.concat([...held, end]);
    held = [];
    size = 0;
    return line;
  };
  for await (const chunk of createReadStream(path, { highWaterMark: 262_144 }) as AsyncIterable<Buffer>) {
    let from = 0;
    for (let end = chunk.indexOf(LINE_FEED); end >= 0; end = chunk.indexOf(LINE_FEED, from)) {
      yield take(chunk.subarray(from, end));
      from = end + 1;
    }
    const rest = chunk.subarray(from);
    size += rest.length;
    if (size <= MAX_LINE_BYTES) held.push(rest);
    else held = [];
  }
  if (size > 0) yield take(Buffer.alloc(0));
}

/**
 * @param wanted what the file should be, such as `a file of baskets`.
 * @throws UserError if there is no such file, or it may not be read, is empty, or is no UTF-8 at all.
 */
export async function checkReadable(path: string, wanted: string): Promise<void> {
  const refuse = (why: string) => new UserError(`${path} ${why}`);
  try {
    const file = await open(path, 'r');
    try {
      const stat = await file.stat();
      if (stat.isDirectory()) throw refuse(`is a folder; give ${wanted}.`);
      if (!stat.isFile()) throw refuse('is no plain file; it is read twice, so save it as a file first.');
      if (stat.size === 0) throw refuse(`is empty; give ${wanted}.`);
      const { buffer } = await file.read(Buffer.alloc(2), 0, 2, 0);
      if (['fffe', 'feff'].includes(buffer.toString('hex'))) throw refuse('is UTF-16; save it as UTF-8.');
    } finally {
      await file.close();
    }
  } catch (error) {
    const code = errnoOf(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') throw refuse('does not exist; check the path.');
    if (code === 'EACCES' || code === 'EPERM') throw refuse('may not be read by this user.');
    if (code) throw refuse(`can't be read: ${(error as Error).message}`);
    throw error;
  }
}
