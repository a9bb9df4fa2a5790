import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as pause } from 'node:timers/promises';
import Table from 'cli-table3';
import { Command } from 'commander';
import { Agent, request } from 'undici';
import { machine, say, type Spread, spreadOf } from './figures';

/** The result of placing orders at one rate. */
interface Step {
  /** Multiple of the capacity; undefined for the step that determines it. */
  readonly factor: number | undefined;
  /** Orders sent per second. */
  readonly offered: number;
  /** Orders accepted per second in good time: within {@link GOOD_TIME_MS} of when they were due. */
  readonly goodput: number;
  /** Of accepted orders, from when each was due to be sent, milliseconds. */
  readonly latencyMs: Spread;
  /** Responses by status; `error` means no response. */
  readonly answers: Readonly<Record<string, number>>;
}

interface Answer {
  readonly status: number | undefined;
  readonly latencyMs: number;
}

const ROOT = resolve(__dirname, '../../..');
const SKUS = Array.from({ length: 100 }, (_, number) => `load-${number}`);
const CALIBRATING_CLIENTS = 32;
const FACTORS = [0.5, 1, 2, 3];
/** The least goodput at the highest load, as a share of the best. */
const LEAST_SHARE = 0.8;
/** A shopper who waits longer leaves. */
const GOOD_TIME_MS = 1_000;
const ANSWER_TIMEOUT_MS = 30_000;
const SETTLE_TIMEOUT_MS = 600_000;

async function main(): Promise<number> {
  const options = new Command('bench:load')
    .description('Places orders at up to three times the capacity of a platform that it starts itself.')
    .option('--seconds <n>', 'duration of each rate', '15')
    .option('--json', 'print the figures as JSON on stdout')
    .parse()
    .opts<{ seconds: string; json?: boolean }>();
  const seconds = Number(options.seconds);
  const on = machine();
  const home = await mkdtemp(join(tmpdir(), 'atlas-load-'));
  await chmod(home, 0o755);
  try {
    say(`${on.cores} × ${on.processor}, load ${on.load}; starting a platform`);
    const state = JSON.parse(await atlas(home, 'up', '--detach', '--json', '--log-level', 'warn')) as {
      processes: { name: string; url: string }[];
    };
    const urlOf = (name: string) => state.processes.find((each) => each.name === name)?.url ?? '';
    const shop = new Shop(urlOf('orders'));
    await shop.open(urlOf('catalog'), urlOf('inventory'));

    const capacity = await calibrate(shop, seconds);
    const steps = [capacity];
    for (const factor of FACTORS) {
      steps.push(await offer(shop, factor, Math.round(capacity.goodput * factor), seconds));
      // Work left over from one rate must not count against the next.
      await shop.untilSettled();
    }
    const placed = await shop.count();
    say(`${shop.accepted} orders were accepted, ${placed} exist, all are settled`);
    const audit = JSON.parse(await atlas(home, 'audit', '--json')) as { ok: boolean };

    const best = Math.max(...steps.map(({ goodput }) => goodput));
    const share = (steps.at(-1) as Step).goodput / best;
    const isGood = share >= LEAST_SHARE && placed === shop.accepted && audit.ok;
    const result = { machine: on, seconds, steps, share, accepted: shop.accepted, placed, audit: audit.ok };
    process.stdout.write(options.json ? `${JSON.stringify(result, undefined, 2)}\n` : describe(result));
    await shop.close();
    return isGood ? 0 : 1;
  } finally {
    await atlas(home, 'down').catch((error: unknown) => say(String(error)));
    await rm(home, { recursive: true, force: true });
  }
}

/** Clients that each wait for their response (closed loop): the platform sets the pace. */
async function calibrate(shop: Shop, seconds: number): Promise<Step> {
  say(`measuring the capacity: ${CALIBRATING_CLIENTS} clients for ${seconds} s`);
  const run = async (): Promise<Step> => {
    const answers: Answer[] = [];
    const begin = performance.now();
    const client = async () => {
      while (performance.now() - begin < seconds * 1_000) answers.push(await shop.place(performance.now()));
    };
    await Promise.all(Array.from({ length: CALIBRATING_CLIENTS }, client));
    return stepOf(undefined, answers, (performance.now() - begin) / 1_000);
  };
  // A first run warms up caches and the JIT compiler.
  await run();
  await shop.untilSettled();
  return run();
}

/** Sends at a fixed rate, whatever the responses, and measures from when each was due: no coordinated omission. */
async function offer(shop: Shop, factor: number, rate: number, seconds: number): Promise<Step> {
  say(`${factor} × that: ${rate} orders/s for ${seconds} s`);
  const begin = performance.now();
  const answers: Promise<Answer>[] = [];
  for (let sent = 0; sent < rate * seconds;) {
    const due = Math.min(rate * seconds, Math.floor(((performance.now() - begin) / 1_000) * rate));
    for (; sent < due; sent++) answers.push(shop.place(begin + (sent / rate) * 1_000));
    await pause(2);
  }
  const sentFor = (performance.now() - begin) / 1_000;
  return stepOf(factor, await Promise.all(answers), sentFor);
}

function stepOf(factor: number | undefined, answers: readonly Answer[], seconds: number): Step {
  const accepted = answers.filter(({ status }) => status === 201);
  const counts: Record<string, number> = {};
  for (const { status } of answers) {
    const name = String(status ?? 'error');
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return {
    factor,
    offered: answers.length / seconds,
    goodput: accepted.filter(({ latencyMs }) => latencyMs <= GOOD_TIME_MS).length / seconds,
    latencyMs: spreadOf(accepted.length > 0 ? accepted.map(({ latencyMs }) => latencyMs) : [Infinity]),
    answers: counts,
  };
}

/** A client of the orders service with many connections. */
class Shop {
  accepted = 0;
  private readonly customerId = `load-${randomUUID().slice(0, 8)}`;
  private readonly agent = new Agent({ connections: 512, headersTimeout: ANSWER_TIMEOUT_MS });

  constructor(private readonly url: string) {}

  /** Lists products, with more stock than will be sold, and waits until orders knows their prices. */
  async open(catalog: string, inventory: string): Promise<void> {
    const category = 'bench';
    const schema = { type: 'object', properties: {} };
    await this.put(`${catalog}/categories/${category}`, { title: 'Bench', schema });
    for (const sku of SKUS) {
      const product = { category, name: sku, price: { minorUnits: 100 }, attributes: {} };
      await this.put(`${catalog}/products/${sku}`, product);
    }
    for (const deadline = Date.now() + ANSWER_TIMEOUT_MS; ; await pause(100)) {
      const page = (await (await fetch(`${this.url}/price-book?limit=500`)).json()) as { entries: unknown[] };
      if (page.entries.length >= SKUS.length) break;
      if (Date.now() > deadline) throw new Error('orders has not heard of the prices');
    }
    await this.put(`${inventory}/stock`, { items: SKUS.map((sku) => ({ sku, available: 1_000_000 })) });
  }

  /** @param dueAt when the order was due to be sent, by performance.now(). */
  async place(dueAt: number): Promise<Answer> {
    const first = Math.floor(Math.random() * SKUS.length);
    const lines = [0, 1, 2].map((n) => ({ sku: SKUS[(first + n) % SKUS.length], quantity: 1 }));
    let status: number | undefined;
    try {
      const answer = await request(`${this.url}/orders`, {
        dispatcher: this.agent,
        method: 'POST',
        headers: { 'content-type': 'application/json', 'idempotency-key': randomUUID() },
        body: JSON.stringify({ customerId: this.customerId, lines, paymentToken: 'tok_approve' }),
      });
      await answer.body.dump();
      status = answer.statusCode;
    } catch {
      status = undefined;
    }
    if (status === 201) this.accepted += 1;
    return { status, latencyMs: performance.now() - dueAt };
  }

  async count(status?: string): Promise<number> {
    let count = 0;
    for (let cursor = ''; ;) {
      const query = `customerId=${this.customerId}&limit=500${status ? `&status=${status}` : ''}`;
      const page = (await (await fetch(`${this.url}/orders?${query}${cursor}`)).json()) as {
        orders: unknown[];
        nextCursor?: string;
      };
      count += page.orders.length;
      if (!page.nextCursor) return count;
      cursor = `&cursor=${page.nextCursor}`;
    }
  }

  async untilSettled(): Promise<void> {
    for (const deadline = Date.now() + SETTLE_TIMEOUT_MS; ; await pause(2_000)) {
      const open = (await this.count('placed')) + (await this.count('awaiting-payment'));
      if (open === 0) return;
      say(`${open} orders are still open`);
      if (Date.now() > deadline) throw new Error(`${open} orders were not settled within ten minutes`);
    }
  }

  close(): Promise<void> {
    return this.agent.close();
  }

  private async put(url: string, body: object): Promise<void> {
    const answer = await fetch(url, {
      method: 'PUT',
      headers: { 'content-type': 'application/json', 'if-none-match': '*' },
      body: JSON.stringify(body),
    });
    if (!answer.ok) throw new Error(`${url} answers ${answer.status}: ${await answer.text()}`);
  }
}

/** @returns what the atlas command printed to stdout. */
async function atlas(home: string, ...args: readonly string[]): Promise<string> {
  const child = spawn(process.execPath, [join(ROOT, 'tools/atlas.mjs'), ...args], {
    env: { ...process.env, ATLAS_HOME: home },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exit = once(child, 'exit') as Promise<[number | null]>;
  const [output, [code]] = await Promise.all([text(child.stdout), exit]);
  if (code !== 0) throw new Error(`atlas ${args.join(' ')} ended with ${code}`);
  return output;
}

function describe(result: {
  steps: readonly Step[];
  share: number;
  accepted: number;
  placed: number;
  audit: boolean;
}): string {
  const table = new Table({
    head: ['load', 'sent/s', 'in good time/s', 'p50 ms', 'p95 ms', 'p99 ms', 'answers'],
    colAligns: ['left', 'right', 'right', 'right', 'right', 'right', 'left'],
    style: { head: [], border: [], compact: true },
  });
  for (const { factor, offered, goodput, latencyMs, answers } of result.steps) {
    table.push([
      factor === undefined ? `${CALIBRATING_CLIENTS} clients` : `${factor} ×`,
      offered.toFixed(0),
      goodput.toFixed(0),
      ...[latencyMs.p50, latencyMs.p95, latencyMs.p99].map((value) => value.toFixed(0)),
      Object.entries(answers)
        .map(([status, count]) => `${count} × ${status}`)
        .join(', '),
    ]);
  }
  return (
    `${table.toString()}\n` +
    `In good time: within ${GOOD_TIME_MS} ms of when it was due. Latencies are of accepted orders.\n` +
    `Goodput at three times the capacity: ${(result.share * 100).toFixed(0)} % of the best ` +
    `(target: ${LEAST_SHARE * 100} %).\n` +
    `${result.accepted} orders were accepted, ${result.placed} exist, all are settled; ` +
    `the audit is ${result.audit ? 'clean' : 'NOT clean'}.\n`
  );
}

main().then(
  (code) => (process.exitCode = code),
  (error: unknown) => {
    process.stderr.write(`bench:load: ${String((error as Error).stack)}\n`);
    process.exitCode = 1;
  },
);
