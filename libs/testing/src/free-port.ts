import { once } from 'node:events';
import { createServer } from 'node:net';

// Below the ephemeral range, from which an outgoing connection could take the port while its server restarts.
const [FIRST, LAST] = [15_000, 32_000];

/** Returns a TCP port that is currently free. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = FIRST + Math.floor(Math.random() * (LAST - FIRST));
    if (await isFree(port)) return port;
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port);
  try {
    await once(server, 'listening');
  } catch {
    return false;
  }
  server.close();
  await once(server, 'close');
  return true;
}
