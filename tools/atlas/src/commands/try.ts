import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { openEventLog } from '@atlas/adapters/event-log';
import { catalogue } from '@atlas/contracts';
import { topicOf } from '@atlas/events';
import type { EventLog } from '@atlas/ports/adapters';
import { z } from 'zod';
import { connect } from '../platform';
import { UserError } from '../user-error';

export interface TryOptions {
  readonly json?: boolean;
  /** Only this context. */
  readonly context?: string | undefined;
  /** How long an event may take to the log, seconds. */
  readonly timeout?: number;
}

/** What became of the example request of one context. */
interface Trial {
  readonly context: string;
  readonly request: { readonly method: 'POST'; readonly url: string; readonly body: unknown };
  readonly status: number;
  readonly answer: unknown;
  /** The first event about what the request made; undefined if none came. */
  readonly event?: { readonly type: string; readonly place: string; readonly afterMs: number };
}

const POLL_MS = 50;

/**
 * Sends each running context the example request that its API shows, and waits for the event that follows.
 * @returns the exit code: 0 if every context published an event.
 * @throws UserError if no context shows an example.
 */
export async function runTry({ json, context, timeout = 20 }: TryOptions): Promise<number> {
  const { urls, eventLog: settings } = await connect();
  if (context !== undefined && !(context in urls)) {
    throw new UserError(`There is no context "${context}": there are ${Object.keys(urls).join(', ')}`);
  }
  const examples = new Map<string, Example>();
  for (const [name, url] of Object.entries(urls)) {
    if (context !== undefined && name !== context) continue;
    const example = await exampleOf(url);
    if (example) examples.set(name, example);
  }
  if (examples.size === 0) {
    throw new UserError(
      `${context === undefined ? 'No context shows' : `${context} does not show`} an example of a request: give the schema ` +
        'of the body of a POST "examples", in adapters/driving/http',
    );
  }
  const log = await openEventLog('atlas', settings, (error) => {
    process.stderr.write(`the event log: ${String(error)}\n`);
  });
  try {
    const trials: Trial[] = [];
    for (const [name, example] of examples) {
      const trial = await send(name, example, log, timeout * 1_000);
      trials.push(trial);
      if (!json) process.stdout.write(describe(trial));
    }
    if (json) process.stdout.write(`${JSON.stringify(trials, undefined, 2)}\n`);
    else
      for (const [name, url] of Object.entries(urls))
        process.stdout.write(`${name.padEnd(10)} ${url}/docs\n`);
    return trials.every(({ event }) => event) ? 0 : 1;
  } finally {
    await log.close();
  }
}

interface Example {
  readonly url: string;
  readonly body: unknown;
}

/** The first of the "examples" of a schema of ours is its "example" there. */
const schema = z.object({ $ref: z.string().optional(), example: z.unknown().optional() });

/** The parts of an OpenAPI document that say what a POST may be sent. */
const api = z.object({
  paths: z.record(
    z.string(),
    z.object({
      post: z
        .object({
          requestBody: z
            .object({ content: z.record(z.string(), z.object({ schema: schema.optional() })) })
            .optional(),
        })
        .optional(),
    }),
  ),
  components: z.object({ schemas: z.record(z.string(), schema).default({}) }).prefault({}),
});

/** The first POST without a parameter in its path whose body has an example. */
async function exampleOf(base: string): Promise<Example | undefined> {
  const { paths, components } = api.parse(await (await fetch(`${base}/docs-json`)).json());
  for (const [path, { post }] of Object.entries(paths)) {
    const body = post?.requestBody?.content['application/json']?.schema;
    const { example } = components.schemas[body?.$ref?.split('/').at(-1) ?? ''] ?? body ?? {};
    if (!path.includes('{') && example !== undefined) return { url: new URL(path, base).href, body: example };
  }
  return undefined;
}

async function send(
  context: string,
  { url, body }: Example,
  log: EventLog,
  patienceMs: number,
): Promise<Trial> {
  const topic = topicOf(context);
  const ends = new Map((await log.describe([topic])).map(({ partition, end }) => [partition, end]));
  const began = performance.now();
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'idempotency-key': randomUUID() },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  const id = response.headers.get('location')?.split('/').at(-1);
  const found = response.ok && id ? await firstEvent(log, topic, ends, id, patienceMs) : undefined;
  return {
    context,
    request: { method: 'POST', url, body },
    status: response.status,
    answer: parsed(text),
    ...(found && { event: { ...found, afterMs: Math.round(performance.now() - began) } }),
  };
}

/** The first event with this key after `ends`. */
async function firstEvent(
  log: EventLog,
  topic: string,
  ends: ReadonlyMap<number, number>,
  key: string,
  patienceMs: number,
): Promise<{ type: string; place: string } | undefined> {
  const next = new Map(ends);
  for (const deadline = performance.now() + patienceMs; performance.now() < deadline; await sleep(POLL_MS)) {
    for (const { partition, end } of await log.describe([topic])) {
      const from = next.get(partition) ?? 0;
      if (from >= end) continue;
      for await (const record of log.read(topic, partition, from)) {
        next.set(partition, record.offset + 1);
        if (record.key !== key) continue;
        const decoded = catalogue.decode(record);
        if (decoded.ok) return { type: decoded.value.type, place: `${topic}/${partition}@${record.offset}` };
      }
    }
  }
  return undefined;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function describe({ context, request, status, answer, event }: Trial): string {
  const last = event
    ? `${event.type} is on the log (${event.place}), ${event.afterMs} ms after the request`
    : `no event reached ${topicOf(context)}; "npx atlas status" shows what is running`;
  return [
    `${request.method} ${request.url} ${JSON.stringify(request.body)}`,
    `→ ${status} ${JSON.stringify(answer)}`,
    `→ ${last}`,
    '',
    '',
  ].join('\n');
}
