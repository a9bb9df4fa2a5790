import { reverse } from 'node:dns/promises';
import { createServer as createHttpServer, type IncomingMessage, type Server as HttpServer } from 'node:http';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { json } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';

// Needs nothing but Node: the docker stack runs this file by itself, in a container between the others.

/** `there`: from the one that connected to its target; `back`: the answers. */
export type Direction = 'there' | 'back';

/** What a link does to its connections; an empty object is a sound link. */
export interface Condition {
  /** Resets connections, and new ones at once: the target's host is up, and nobody listens. */
  readonly refuse?: boolean;
  /** Holds the bytes back, and hides that the other side has closed: a cable that was pulled. */
  readonly hold?: readonly Direction[];
  /** Milliseconds that each piece of data is late, in each direction. */
  readonly delayMs?: number;
}

export interface Target {
  readonly host: string;
  readonly port: number;
}

const SOUND: Condition = {};

/**
 * TCP proxies that stand between two processes, so that their network can fail. A link is named `from→to`; a proxy
 * serves one link or, if it tells its clients apart, several to the same target.
 */
export class Links {
  private readonly conditions = new Map<string, Condition>();
  private readonly sockets = new Map<Socket, string>();
  private readonly servers: Server[] = [];
  private change = Promise.withResolvers<void>();

  /**
   * Listens for connections and forwards them.
   * @param nameOf the link that a new connection belongs to.
   * @returns the port.
   */
  async open(
    target: Target,
    nameOf: (client: Socket) => string | Promise<string>,
    { host = '127.0.0.1', port = 0 } = {},
  ): Promise<number> {
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
      client.on('error', () => {}); // the loop that reads from it fails, too
      void this.join(client, target, nameOf);
    });
    this.servers.push(server);
    await new Promise<void>((done, failed) => {
      server.once('error', failed);
      server.listen(port, host, done);
    });
    return (server.address() as AddressInfo).port;
  }

  /** Changes the condition of these links, for open connections, too. */
  set(names: readonly string[], condition: Condition): void {
    for (const name of names) this.conditions.set(name, condition);
    const { resolve } = this.change;
    this.change = Promise.withResolvers();
    resolve();
    if (!condition.refuse) return;
    for (const [socket, name] of this.sockets) if (names.includes(name)) socket.resetAndDestroy();
  }

  async close(): Promise<void> {
    this.set([...this.conditions.keys()], SOUND);
    for (const socket of this.sockets.keys()) socket.destroy();
    await Promise.all(this.servers.map((server) => new Promise((done) => server.close(done))));
  }

  private async join(
    client: Socket,
    target: Target,
    nameOf: (client: Socket) => string | Promise<string>,
  ): Promise<void> {
    const name = await nameOf(client);
    this.keep(client, name);
    await this.passing(name, 'there');
    if (client.destroyed) return;
    if (this.conditionOf(name).refuse) {
      client.resetAndDestroy();
      return;
    }
    const server = connect({ ...target, allowHalfOpen: true, noDelay: true });
    server.on('error', () => {});
    this.keep(server, name);
    void this.forward(client, server, name, 'there');
    void this.forward(server, client, name, 'back');
  }

  private async forward(from: Socket, to: Socket, name: string, direction: Direction): Promise<void> {
    try {
      for await (const chunk of from) {
        await this.passing(name, direction);
        await new Promise<void>((done, failed) => {
          to.write(chunk as Buffer, (error) => (error ? failed(error) : done()));
        });
      }
      await this.passing(name, direction);
      to.end();
    } catch {
      await this.passing(name, direction);
      to.resetAndDestroy();
      from.destroy();
    }
  }

  /** Resolves when data may go on in this direction. */
  private async passing(name: string, direction: Direction): Promise<void> {
    const { delayMs = 0 } = this.conditionOf(name);
    if (delayMs > 0) await sleep(delayMs);
    while (this.conditionOf(name).hold?.includes(direction)) await this.change.promise;
  }

  private conditionOf(name: string): Condition {
    return this.conditions.get(name) ?? SOUND;
  }

  private keep(socket: Socket, name: string): void {
    this.sockets.set(socket, name);
    socket.once('close', () => this.sockets.delete(socket));
  }
}

/** What {@link LinksClient} sends. */
interface Order {
  readonly names: readonly string[];
  readonly condition: Condition;
}

/** Controls {@link Links} in another container. */
export class LinksClient {
  constructor(private readonly url: string) {}

  async set(names: readonly string[], condition: Condition): Promise<void> {
    const answer = await fetch(this.url, { method: 'PUT', body: JSON.stringify({ names, condition }) });
    if (!answer.ok) throw new Error(`The links answered ${answer.status}`);
  }
}

/** Where the links' container takes orders. */
export const CONTROL_PORT = 8474;

/**
 * Stands for the targets under their own names, and tells the clients apart by the names of their containers.
 * @param targets `port=host:port`, such as `5432=postgres.engine:5432`, each with its name after `#`.
 */
async function serve(project: string, targets: readonly string[]): Promise<HttpServer> {
  const links = new Links();
  for (const text of targets) {
    const [, own = '', host = '', port = '', to = ''] = /^(\d+)=([^:]+):(\d+)#(.+)$/.exec(text) ?? [];
    await links.open(
      { host, port: Number(port) },
      async (client) => `${await serviceOf(client, project)}→${to}`,
      { host: '0.0.0.0', port: Number(own) },
    );
  }
  const control = createHttpServer((request: IncomingMessage, response) => {
    if (request.method === 'GET') {
      response.end('ok');
      return;
    }
    void json(request).then((order) => {
      const { names, condition } = order as Order;
      links.set(names, condition);
      response.end();
    });
  });
  return control.listen(CONTROL_PORT, '0.0.0.0');
}

/** Docker's DNS knows a container as `<project>-<service>-<number>.<network>`. */
async function serviceOf(client: Socket, project: string): Promise<string> {
  const address = (client.remoteAddress ?? '').replace(/^::ffff:/, '');
  const names = await reverse(address).catch(() => []);
  const [name = address] = names;
  return (name.split('.')[0] ?? '').replace(`${project}-`, '').replace(/-\d+$/, '');
}

if (require.main === module) {
  const [, , project = '', ...targets] = process.argv;
  void serve(project, targets);
  process.once('SIGTERM', () => process.exit(0));
}
