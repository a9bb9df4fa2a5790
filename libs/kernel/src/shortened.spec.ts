import { shortened } from './shortened';

describe('A text shortened for a log line or a table', () => {
  it('is whole if it is not too long', () => {
    expect(shortened('tea', 3)).toBe('tea');
    expect(shortened('', 0)).toBe('');
  });

  it('says that it goes on if it is', () => {
    expect(shortened('bread', 3)).toBe('bre…');
  });

  it('is never cut within a character', () => {
    expect(shortened('a😀b', 2)).toBe('a…');
    expect(shortened('a😀b', 3)).toBe('a😀…');
    expect(shortened('😀😀b', 3)).toBe('😀…');
  });
});
