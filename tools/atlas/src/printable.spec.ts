import { printable } from './printable';

describe('Text from a foreign producer', () => {
  it('is printed as it is', () => {
    expect(printable('żółć 🧺 "x"')).toBe('żółć 🧺 "x"');
  });

  it('controls no terminal, and shows its bytes', () => {
    expect(printable('a\x1b[2J\r\n\0')).toBe('a\\x1b[2J\\x0d\\x0a\\x00');
    expect(printable('\u202ehidden\ufeff')).toBe('\\u{202e}hidden\\u{feff}');
    expect(printable('\udcff\ud800')).toBe('\\xff\\u{d800}');
  });

  it('is cut if it is long', () => {
    expect(printable('x'.repeat(1_000_000))).toBe(`${'x'.repeat(1_000)}…`);
  });
});
