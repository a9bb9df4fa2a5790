import { shortened } from '@atlas/kernel';

/**
 * Text from a foreign producer for a terminal: control, format and unassigned characters are escaped, so that it can't
 * move the cursor, or hide; longer text is cut. Bytes that are no UTF-8, which the log's port turns into lone
 * surrogates, appear as `\xff`.
 */
export function printable(text: string, limit = 1_000): string {
  const escaped = (character: string): string => {
    const code = character.codePointAt(0) as number;
    if (code >= 0xdc80 && code <= 0xdcff) return `\\x${(code - 0xdc00).toString(16)}`;
    return code < 0x20 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`;
  };
  return shortened(text, limit).replace(/\p{C}/gu, escaped);
}
