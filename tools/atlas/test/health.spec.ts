import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { healthOf } from '../src/health';

describe('the health of a process', () => {
  let server: Server | undefined;

  async function answering(listener: RequestListener): Promise<string> {
    server = createServer(listener);
    await new Promise<void>((listening) => server?.listen(0, '127.0.0.1', listening));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  afterEach(async () => {
    await new Promise((closed) => (server ? server.close(closed) : closed(undefined)));
    server = undefined;
  });

  it('is its readiness and the circuits among its details', async () => {
    const url = await answering((_, response) =>
      response.end(
        JSON.stringify({
          status: 'ok',
          details: {
            database: { status: 'up' },
            provider: { status: 'up', breaker: 'open', since: '2026-11-24T10:00:00.000Z' },
            vault: { status: 'up', breaker: 'closed' },
          },
        }),
      ),
    );
    expect(await healthOf(url)).toEqual({
      ready: true,
      circuits: [
        { dependency: 'provider', breaker: 'open', since: '2026-11-24T10:00:00.000Z' },
        { dependency: 'vault', breaker: 'closed', since: null },
      ],
      troubles: [],
    });
  });

  it('names the parts that do not work, with the reason', async () => {
    const details = {
      relay: { status: 'degraded', role: 'standby', message: 'The database was restored' },
      log: { status: 'up', message: 'connected' },
    };
    const url = await answering((_, response) =>
      response.end(JSON.stringify({ status: 'degraded', details })),
    );
    expect((await healthOf(url)).troubles).toEqual([{ part: 'relay', message: 'The database was restored' }]);
  });

  it('is told by a process that cannot serve, too', async () => {
    const details = { provider: { status: 'up', breaker: 'half-open', since: null } };
    const url = await answering((_, response) =>
      response.writeHead(503).end(JSON.stringify({ status: 'error', details })),
    );
    expect(await healthOf(url)).toEqual({
      ready: false,
      circuits: [{ dependency: 'provider', breaker: 'half-open', since: null }],
      troubles: [],
    });
  });

  it.each([
    ['nothing', ''],
    ['a text', 'ready'],
    ['JSON of another shape', '{"details":[1,2]}'],
  ])('is its readiness alone if the process says %s', async (_, body) => {
    const url = await answering((_, response) => response.end(body));
    expect(await healthOf(url)).toEqual({ ready: true, circuits: [], troubles: [] });
  });

  it('is not ready where nothing listens', async () => {
    const url = await answering(() => undefined);
    await new Promise((closed) => server?.close(closed));
    server = undefined;
    expect(await healthOf(url)).toEqual({ ready: false, circuits: [], troubles: [] });
  });
});
