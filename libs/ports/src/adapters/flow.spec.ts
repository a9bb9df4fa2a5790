import { spanWithin } from './flow';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const PARENT = 'b7ad6b7169203331';
const VALID = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;

const partsOf = (traceparent: string) => {
  const [, trace, span, flags] = VALID.exec(traceparent) ?? [];
  return { trace, span, flags };
};

describe('A piece of work', () => {
  it.each([
    ['sampled', '01', '01'],
    ['not sampled', '00', '00'],
    ['with unknown flags', 'fd', '01'],
  ])('has its own span in the trace of its cause: %s', (_, flags, kept) => {
    const parts = partsOf(spanWithin(`00-${TRACE}-${PARENT}-${flags}`));
    expect(parts).toMatchObject({ trace: TRACE, flags: kept });
    expect(parts.span).not.toBe(PARENT);
  });

  it('reads the known fields of a later protocol version', () => {
    for (const parent of [`cc-${TRACE}-${PARENT}-01`, `cc-${TRACE}-${PARENT}-01-what-the-future`]) {
      expect(partsOf(spanWithin(parent))).toMatchObject({ trace: TRACE, flags: '01' });
    }
  });

  it.each([
    ['nothing', undefined],
    ['an empty text', ''],
    ['an invalid version', `ff-${TRACE}-${PARENT}-01`],
    ['a trace of zeros', `00-${'0'.repeat(32)}-${PARENT}-01`],
    ['a parent of zeros', `00-${TRACE}-${'0'.repeat(16)}-01`],
    ['capital letters', `00-${TRACE.toUpperCase()}-${PARENT}-01`],
    ['more fields than version 00 has', `00-${TRACE}-${PARENT}-01-what-the-future`],
    ['flags that are not delimited', `cc-${TRACE}-${PARENT}-01.what`],
    ['text before it', ` 00-${TRACE}-${PARENT}-01`],
  ])('starts a trace if its cause has %s', (_, parent) => {
    const [first, second] = [partsOf(spanWithin(parent)), partsOf(spanWithin(parent))];
    expect(first.flags).toBe('02');
    expect([undefined, TRACE, second.trace]).not.toContain(first.trace);
  });
});
