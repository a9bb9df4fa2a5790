import { setTimeout as pause } from 'node:timers/promises';
import type { BeforeApplicationShutdown } from '@nestjs/common';
import type { FastifyReply } from 'fastify';

const PARTS = 10;

/** What a network can do to a response. It takes the reply over from Fastify and Nest. */
export class NetworkFaults implements BeforeApplicationShutdown {
  private readonly held = new Set<FastifyReply>();

  /** The client sees its connection reset (RST). */
  reset(reply: FastifyReply): void {
    reply.hijack();
    reply.raw.socket?.resetAndDestroy();
  }

  /** The client waits until it gives up or this process ends. */
  hold(reply: FastifyReply): void {
    reply.hijack();
    this.held.add(reply);
    reply.raw.once('close', () => this.held.delete(reply));
  }

  /** Sends the response's headers at once, and its body in small parts, spread over `overMs` milliseconds. */
  async sendSlowly(reply: FastifyReply, body: unknown, overMs: number): Promise<void> {
    this.hold(reply);
    const bytes = Buffer.from(JSON.stringify(body));
    reply.raw.writeHead(reply.statusCode, {
      'content-type': 'application/json; charset=utf-8',
      'content-length': bytes.length,
    });
    const gone = new AbortController();
    reply.raw.once('close', () => gone.abort());
    const size = Math.ceil(bytes.length / PARTS);
    for (let from = 0; from < bytes.length && !gone.signal.aborted; from += size) {
      reply.raw.write(bytes.subarray(from, from + size));
      await pause(overMs / PARTS, undefined, { signal: gone.signal }).catch(() => {});
    }
    reply.raw.end();
  }

  /** A response that will never come must not delay the shutdown. */
  beforeApplicationShutdown(): void {
    for (const reply of this.held) reply.raw.destroy();
  }
}
