import { isUtf8 } from 'node:buffer';

/**
 * Bytes of a key or header as text, without loss, so that equal texts are equal bytes. UTF-8 is decoded. In anything
 * else each byte from 0x80 becomes the lone surrogate U+DC00 plus the byte, which no UTF-8 text contains; Python's
 * "surrogateescape" has the same code points.
 */
export function textOf(bytes: Buffer): string {
  if (isUtf8(bytes)) return bytes.toString('utf8');
  return bytes
    .toString('latin1')
    .replace(/[\x80-\xff]/g, (byte) => String.fromCharCode(0xdc00 + byte.charCodeAt(0)));
}

/** The bytes of a text that {@link textOf} returned. */
export function bytesOf(text: string): Buffer {
  if (text.isWellFormed()) return Buffer.from(text, 'utf8');
  return Buffer.from(
    text.replace(/[\udc80-\udcff]/g, (byte) => String.fromCharCode(byte.charCodeAt(0) - 0xdc00)),
    'latin1',
  );
}
