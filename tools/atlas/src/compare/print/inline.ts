/** Short lines as one; undefined: they need a line each. */
export function inline(lines: readonly string[]): string | undefined {
  const isShort = lines.every((line) => line.length <= 32 && !line.includes(', '));
  return isShort || lines.length === 1 ? lines.join(', ') : undefined;
}
