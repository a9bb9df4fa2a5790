import { type ChildProcess, execFile, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { Agent, get, type IncomingMessage } from 'node:http';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { eventually } from '@atlas/testing';

const ROOT = resolve(__dirname, '../../..');
const SETTINGS = {
  PORT: '0',
  DATABASE_URL: 'postgres://localhost/example',
  EVENT_LOG_URL: 'postgres://localhost/event_log',
};

interface Service {
  readonly process: ChildProcess;
  /** All that it has written. */
  output(): string;
  exit: Promise<number | null>;
  /** Waits until it is ready. @returns its URL. */
  ready(): Promise<string>;
}

describe('The process of a service', () => {
  let build: string;
  const running: ChildProcess[] = [];

  beforeAll(async () => {
    // Below the root, so that the packages are found from there.
    build = await mkdtemp(join(ROOT, 'node_modules', '.boot-test-'));
    const config = JSON.parse(await readFile(join(ROOT, '.swcrc'), 'utf8')) as { jsc: object };
    const settings = { ...config, exclude: [], jsc: { ...config.jsc, baseUrl: ROOT } };
    await writeFile(join(build, 'swcrc.json'), JSON.stringify(settings));
    await promisify(execFile)(
      process.execPath,
      [
        require.resolve('@swc/cli/bin/swc.js'),
        ...['kernel', 'events', 'ports', 'resilience', 'service'].map((lib) => `libs/${lib}`),
        ...['--out-dir', build, '--config-file', join(build, 'swcrc.json')],
      ],
      { cwd: ROOT },
    );
  });
  afterAll(() => rm(build, { recursive: true, force: true }));
  afterEach(() => {
    for (const child of running.splice(0)) child.kill('SIGKILL');
  });

  function start(env: Readonly<Record<string, string>> = {}, program = 'example.service'): Service {
    const child = fork(join(build, `libs/service/test/${program}.js`), {
      env: { ...SETTINGS, ...env },
      silent: true,
    });
    running.push(child);
    let output = '';
    const streams = [child.stdout as Readable, child.stderr as Readable];
    for (const stream of streams) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
    // Not `close`: that never comes once the parent has disconnected.
    const ended = Promise.all([once(child, 'exit'), ...streams.map((stream) => once(stream, 'end'))]);
    return {
      process: child,
      output: () => output,
      exit: ended.then(() => child.exitCode),
      ready: () =>
        eventually(() => {
          expect(child.exitCode).toBeNull();
          return output.match(/example is ready at (http:\S+),/)?.[1];
        }),
    };
  }

  it('says once where it is to be reached', async () => {
    const service = start();
    const url = await service.ready();
    expect((await fetch(`${url}/health/live`)).status).toBe(200);
    expect(service.output().trim().split('\n')).toHaveLength(1);
  });

  it('logs lines that tell which service and which request, and no secret', async () => {
    const service = start({ LOG_LEVEL: 'debug' });
    const url = await service.ready();
    await fetch(`${url}/query`, {
      headers: { 'x-correlation-id': 'web-42', authorization: 'Bearer hunter2', cookie: 'session=hunter2' },
    });
    const lines = await eventually(() => {
      const written = service.output().trim().split('\n');
      return written.some((line) => line.includes('request errored')) && written;
    });
    const ofRequest = lines
      .map((line) => JSON.parse(line) as Record<string, unknown>)
      .filter(({ correlationId }) => correlationId === 'web-42');
    expect(ofRequest.map(({ service: name, msg }) => [name, msg])).toEqual([
      ['example', undefined],
      ['example', 'query failed'],
      ['example', 'request errored'],
    ]);
    expect(service.output()).not.toMatch(/hunter2|secret-token/);
  });

  it('has no line for a scrape of its metrics, however much it logs', async () => {
    const service = start({ LOG_LEVEL: 'trace' });
    const url = await service.ready();
    expect((await fetch(`${url}/metrics`)).status).toBe(200);
    await fetch(`${url}/health/live`);
    await eventually(() => service.output().includes('"url":"/health/live"'));
    expect(service.output()).not.toContain('"url":"/metrics"');
  });

  it('answers what it has in hand before it stops, and takes nothing new', async () => {
    const service = start();
    const url = await service.ready();
    const agent = new Agent({ keepAlive: true });
    const answer = ask(`${url}/slow`, agent);
    await once(service.process, 'message');
    service.process.kill('SIGTERM');
    await eventually(() => service.output().includes('example stops: SIGTERM'));
    await eventually(() =>
      fetch(`${url}/health/live`).then(
        () => false,
        () => true,
      ),
    );
    service.process.send('go on');
    expect(await answer).toEqual({ status: 200, body: '{"done":true}' });
    expect(await service.exit).toBe(0);
    agent.destroy();
  });

  it('serves on for a while after the order to stop, and tells load balancer and clients to go elsewhere', async () => {
    const service = start({ DRAIN_MS: '1500' });
    const url = await service.ready();
    service.process.kill('SIGTERM');
    await eventually(() => service.output().includes('example stops: SIGTERM'));

    const ready = await fetch(`${url}/health/ready`);
    const live = await fetch(`${url}/health/live`);

    expect([ready.status, live.status]).toEqual([503, 200]);
    expect(live.headers.get('connection')).toBe('close');
    expect(await service.exit).toBe(0);
  });

  it('stops although a client keeps an idle connection open', async () => {
    const service = start();
    const url = await service.ready();
    const agent = new Agent({ keepAlive: true });
    await ask(`${url}/health/live`, agent);
    service.process.kill('SIGINT');
    expect(await service.exit).toBe(0);
    agent.destroy();
  });

  it('stops when its supervisor is gone', async () => {
    const service = start();
    await service.ready();
    service.process.disconnect();
    expect(await service.exit).toBe(0);
    expect(service.output()).toContain('its supervisor is gone');
  });

  it('leaves nothing behind when its supervisor is killed, with it its log', async () => {
    const supervisor = start(
      { SUPERVISES: join(build, 'libs/service/test/example.service.js') },
      'supervisor',
    );
    const url = await supervisor.ready();
    supervisor.process.kill('SIGKILL');
    await eventually(() =>
      fetch(`${url}/health/live`).then(
        () => false,
        () => true,
      ),
    );
  });

  it('gives up on what takes longer than its grace time', async () => {
    const service = start({ GRACE_MS: '100' });
    const url = await service.ready();
    const lost = ask(`${url}/slow`).catch((error: unknown) => error);
    await once(service.process, 'message');
    service.process.kill('SIGTERM');
    expect(await service.exit).toBe(1);
    expect(service.output()).toContain('did not stop within 100 ms');
    expect(await lost).toMatchObject({ code: 'ECONNRESET' });
  });

  it.each(['throw', 'reject'])('ends with the error in its log when one escapes: %s', async (how) => {
    const service = start();
    const url = await service.ready();
    await fetch(`${url}/${how}`).catch(() => undefined);
    expect(await service.exit).toBe(1);
    expect(service.output()).toMatch(/"level":60.*a defect.*an error escaped/);
  });

  it('does not start on a port in use, and says which', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as { port: number };
    const service = start({ PORT: String(port) });
    expect(await service.exit).toBe(1);
    expect(service.output()).toContain(`port ${port} of 127.0.0.1 is in use; free it or set PORT`);
    expect(service.output().trim().split('\n')).toHaveLength(1);
    taken.close();
  });

  it('does not start with wrong settings, and names each', async () => {
    const service = start({ PORT: 'http', DATABASE_URL: '' });
    expect(await service.exit).toBe(1);
    expect(service.output()).toBe(
      "example can't start.\n" +
        'PORT is wrong: it must be a TCP port from 1 to 65535, or 0 for any free one.\n' +
        "DATABASE_URL is missing: it must be the URL of this service's database, postgres://user:password@host/name.\n",
    );
  });
});

async function ask(url: string, agent?: Agent): Promise<{ status: number | undefined; body: string }> {
  const request = get(url, { agent });
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  return { status: response.statusCode, body: await text(response) };
}
