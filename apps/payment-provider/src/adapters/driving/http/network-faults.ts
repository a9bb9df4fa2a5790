import { setTimeout as pause } from 'node:timers/promises';
import type { BeforeApplicationShutdown } from '@nestjs/common';
import type { FastifyReply } from 'fastify';

const DRIPS = 10;

/** What a network can do to an answer. The replies are out of Fastify's and Nest's hands from then on. */
export class NetworkFaults implements BeforeApplicationShutdown {
  private readonly held = new Set<FastifyReply>();

  /** The client sees its connection reset (RST). */
  reset(reply: FastifyReply): void {
    reply.hijack();
    reply.raw.socket?.resetAndDestroy();
  }

  /** The client waits, until it gives up or this process ends. */
  hold(reply: FastifyReply): void {
    reply.hijack();
    this.held.add(reply);
    reply.raw.once('close', () => this.held.delete(reply));
  }

  /** Sends the answer's head at once, and its body bit by bit. */
  async drip(reply: FastifyReply, body: unknown, overMs: number): Promise<void> {
    this.hold(reply);
    const bytes = Buffer.from(JSON.stringify(body));
    reply.raw.writeHead(reply.statusCode, {
      'content-type': 'application/json; charset=utf-8',
      'content-length': bytes.length,
    });
    const gone = new AbortController();
    reply.raw.once('close', () => gone.abort());
    const size = Math.ceil(bytes.length / DRIPS);
    for (let from = 0; from < bytes.length && !gone.signal.aborted; from += size) {
      reply.raw.write(bytes.subarray(from, from + size));
      await pause(overMs / DRIPS, undefined, { signal: gone.signal }).catch(() => {});
    }
    reply.raw.end();
  }

  /** Nobody waits for what will never be said. */
  beforeApplicationShutdown(): void {
    for (const reply of this.held) reply.raw.destroy();
  }
}
