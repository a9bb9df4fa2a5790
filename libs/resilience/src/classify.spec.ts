import { createServer } from 'node:net';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { classifyError, classifyResponse } from './classify';
import { CircuitOpen } from './errors';
import { retryAfterMs } from './retry-after';

const answer = (status: number, headers: Record<string, string> = {}) =>
  classifyResponse(new Response(null, { status, headers }));

describe('What a failed call says', () => {
  it.each([
    [200, undefined],
    [302, undefined],
    [400, { transient: false, mayHaveActed: true }],
    [409, { transient: false, mayHaveActed: true }],
    [429, { transient: true, mayHaveActed: false }],
    [500, { transient: true, mayHaveActed: true }],
    [501, { transient: false, mayHaveActed: true }],
    [503, { transient: true, mayHaveActed: true }],
  ])('by the status %i', (status, failure) => {
    expect(answer(status)).toEqual(failure);
  });

  it('about when to come back', () => {
    jest.useFakeTimers({ now: Date.parse('2026-01-01T00:00:00Z') });
    expect(answer(503, { 'retry-after': '7' })).toMatchObject({ retryAfterMs: 7_000 });
    expect(answer(429, { 'retry-after': 'Thu, 01 Jan 2026 00:01:00 GMT' })).toMatchObject({
      retryAfterMs: 60_000,
    });
    expect(retryAfterMs('Thu, 01 Jan 2025 00:00:00 GMT')).toBe(0);
    for (const nonsense of ['', null, undefined, 'soon', '-5', '1.5', '1e3', '12abc']) {
      expect(retryAfterMs(nonsense)).toBeUndefined();
    }
    jest.useRealTimers();
  });

  it('that a port nobody listens on has not acted', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    server.close();
    await once(server, 'close');
    const error: unknown = await fetch(`http://127.0.0.1:${port}`).catch((failure: unknown) => failure);
    expect(classifyError(error)).toEqual({ transient: true, mayHaveActed: false });
  });

  it('that a server which hangs up may have acted', async () => {
    const server = createServer((socket) => socket.once('data', () => socket.destroy())).listen(
      0,
      '127.0.0.1',
    );
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const error: unknown = await fetch(`http://127.0.0.1:${port}`).catch((failure: unknown) => failure);
    expect(classifyError(error)).toEqual({ transient: true, mayHaveActed: true });
    server.close();
  });

  it('if a policy did not let it through', () => {
    expect(classifyError(new CircuitOpen('provider', 500))).toEqual({
      transient: true,
      mayHaveActed: false,
      retryAfterMs: 500,
    });
  });
});
