import fc from 'fast-check';
import { bytesOf, textOf } from './record-text';

const bytes = fc.uint8Array({ maxLength: 64 }).map((array) => Buffer.from(array));

describe('The text of a key or header', () => {
  it('is what its UTF-8 says, byte order mark and NUL included', () => {
    for (const text of ['', 'żółć 🧺', '\ufeffmark', 'nul \0']) expect(textOf(Buffer.from(text))).toBe(text);
  });

  it('keeps bytes that are not UTF-8', () => {
    expect(textOf(Buffer.from([0x61, 0xff, 0x80]))).toBe('a\udcff\udc80');
    // A surrogate, an overlong form and a truncated character, none of which is UTF-8.
    for (const broken of [
      [0xed, 0xb2, 0x80],
      [0xc0, 0x80],
      [0xf0, 0x9f, 0xa7],
    ]) {
      expect([...bytesOf(textOf(Buffer.from(broken)))]).toEqual(broken);
    }
  });

  it('returns to the same bytes, and differs if they do', () => {
    fc.assert(
      fc.property(bytes, bytes, (one, other) => {
        expect(bytesOf(textOf(one)).equals(one)).toBe(true);
        expect(textOf(one) === textOf(other)).toBe(one.equals(other));
      }),
    );
  });
});
