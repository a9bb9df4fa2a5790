import { once } from 'node:events';
import { createServer } from 'node:net';

// Below those that systems give to outgoing connections, which could take it while its server is being restarted.
const [FIRST, LAST] = [15_000, 32_000];

/** A TCP port that nothing listens on at present. */
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
