/** Writes a line to stderr, above the progress bar if there is one. */
export const say = (text: string): boolean =>
  process.stderr.write(`${process.stderr.isTTY ? '\r\x1b[K' : ''}atlas: ${text}\n`);
