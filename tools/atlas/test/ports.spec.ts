import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { choosePorts, type PortWish } from '../src/ports';

let other: Server;
let used: number;

beforeEach(async () => {
  other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  used = (other.address() as AddressInfo).port;
});

afterEach(async () => {
  other.close();
  await once(other, 'close');
});

const wish = (name: string, port: number, fixed: boolean): PortWish => ({
  name,
  port,
  fixed,
  setBy: `--${name}-port`,
});

/** One that nothing listens on at the moment. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

it('A usual port that is free is taken', async () => {
  const port = await freePort();

  const ports = await choosePorts([wish('lending', port, false)], () => fail('it moved'));

  expect(ports.get('lending')).toBe(port);
});

it('A usual port that is in use is given up for a free one, and that is said', async () => {
  const moves: [string, number][] = [];

  const ports = await choosePorts([wish('lending', used, false)], ({ name }, port) =>
    moves.push([name, port]),
  );

  expect(moves).toEqual([['lending', ports.get('lending')]]);
  expect(ports.get('lending')).not.toBe(used);
});

it('A port that was asked for and is in use is an error that says how to choose another', async () => {
  await expect(choosePorts([wish('lending', used, true)], () => {})).rejects.toThrow(
    `Port ${used} for lending is in use: stop what listens there, or choose another by --lending-port`,
  );
});

it('A port that was asked for goes to who asked, although it is the usual one of another', async () => {
  const port = await freePort();

  const ports = await choosePorts([wish('lending', port, false), wish('fines', port, true)], () => {});

  expect(ports.get('fines')).toBe(port);
  expect(ports.get('lending')).not.toBe(port);
});

it('A port that was asked for twice is an error that names both', async () => {
  const port = await freePort();

  await expect(
    choosePorts([wish('lending', port, true), wish('fines', port, true)], () => {}),
  ).rejects.toThrow(`Port ${port} is meant for lending and for fines`);
});
