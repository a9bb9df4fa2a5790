import { createServer } from 'node:net';
import { UserError } from './user-error';

export const HOST = '127.0.0.1';
/** Where every process listens in its container or pod; see the Dockerfile. */
export const CONTAINER_PORT = 8080;

/** The port that a process should listen on. */
export interface PortWish {
  /** The name of the process. */
  readonly name: string;
  readonly port: number;
  /** True if the user asked for this port; false if it is the default. */
  readonly fixed: boolean;
  /** How to choose another port, such as `--lending-port or LENDING_PORT`. */
  readonly setBy: string;
}

/**
 * Assigns a port to each process. If a default port is in use, it picks a free one and calls `onMove`.
 * @throws UserError if a port that the user asked for is in use, or was asked for twice.
 */
export async function choosePorts(
  wishes: readonly PortWish[],
  onMove: (wish: PortWish, port: number) => void,
): Promise<ReadonlyMap<string, number>> {
  const taken = new Map<number, PortWish>();
  const chosen = new Map<string, number>();
  const take = (wish: PortWish, port: number) => {
    taken.set(port, wish);
    chosen.set(wish.name, port);
  };
  for (const wish of wishes.filter(({ fixed }) => fixed)) {
    const other = taken.get(wish.port);
    if (other) {
      throw new UserError(
        `Port ${wish.port} is meant for ${other.name} and for ${wish.name}: choose another by ${wish.setBy}`,
      );
    }
    if (!(await isFree(wish.port))) {
      throw new UserError(
        `Port ${wish.port} for ${wish.name} is in use: stop what listens there, or choose another by ${wish.setBy}`,
      );
    }
    take(wish, wish.port);
  }
  for (const wish of wishes.filter(({ fixed }) => !fixed)) {
    if (!taken.has(wish.port) && (await isFree(wish.port))) {
      take(wish, wish.port);
      continue;
    }
    let port: number;
    do port = await anyFree();
    while (taken.has(port));
    take(wish, port);
    onMove(wish, port);
  }
  return chosen;
}

const isFree = (port: number): Promise<boolean> =>
  probe(port).then(
    () => true,
    () => false,
  );

const anyFree = (): Promise<number> => probe(0);

function probe(port: number): Promise<number> {
  return new Promise((done, failed) => {
    const server = createServer();
    server.once('error', failed);
    server.listen(port, HOST, () => {
      const address = server.address();
      server.close(() => done(typeof address === 'object' && address ? address.port : port));
    });
  });
}
