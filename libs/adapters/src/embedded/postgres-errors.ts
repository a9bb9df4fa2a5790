// Duck-typed: Jest runs tests in a realm whose Error class differs from Node's.
export const isErrno = (error: unknown, code: string): boolean =>
  typeof error === 'object' && error !== null && 'code' in error && error.code === code;

const messageOf = (error: unknown): string =>
  typeof error === 'object' && error !== null && 'message' in error ? String(error.message) : String(error);

/** Translates a system or server error into a message for the user. */
export function explain(error: unknown, output: string, dataDir: string, port: number | undefined): Error {
  const text = `${messageOf(error)}\n${output}`;
  const because = { cause: error };
  if (/No space left on device|ENOSPC|Disk quota exceeded|EDQUOT/i.test(text)) {
    return new Error(
      `The disk of ${dataDir} is full: free some space and start again; no data is lost`,
      because,
    );
  }
  if (/Read-only file system|EROFS|EACCES|EPERM|Permission denied/i.test(text)) {
    return new Error(
      `This user can't write to the data folder ${dataDir}: make it writable, or set ATLAS_HOME to another ` +
        'folder',
      because,
    );
  }
  if (port !== undefined && /could not bind|Address already in use/.test(text)) {
    return new Error(
      `Port ${port} is in use: stop the program that listens there, or choose another port`,
      because,
    );
  }
  return new Error(`PostgreSQL did not start on ${dataDir}: ${text.trim()}`, because);
}
