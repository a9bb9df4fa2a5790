import type { ShowOptions } from '@atlas/cli/additions';
import Table from 'cli-table3';
import { AtlasClient } from '../client';
import { demo, type DemoOrder, type DemoResult } from '../demo';
import { connect } from '@atlas/cli/platform';

/**
 * Places a few orders on the running platform and shows the path of each.
 * @returns the exit code: 0 only if every order ended as expected.
 */
export async function runDemo({ json, timeout }: ShowOptions): Promise<number> {
  const { urls } = await connect();
  const client = new AtlasClient(urls, { patienceMs: timeout * 1_000 });
  try {
    const result = await demo(client, timeout * 1_000);
    if (json) process.stdout.write(`${JSON.stringify({ ...result, urls }, undefined, 2)}\n`);
    else process.stdout.write(describe(result, urls, timeout));
    return result.ok ? 0 : 1;
  } finally {
    await client.close();
  }
}

function describe(
  { orders, checks, ok }: DemoResult,
  urls: Readonly<Record<string, string>>,
  timeout: number,
) {
  const table = new Table({
    head: ['order', 'expected', 'path, with ms between the steps', 'total ms', ''],
    colAligns: ['left', 'left', 'left', 'right', 'left'],
    style: { head: [], border: [], compact: true },
  });
  for (const order of orders) {
    const total = order.path.reduce((sum, { afterMs }) => sum + afterMs, 0);
    table.push([order.story, order.expected.join('\nor '), pathOf(order), total, mark(order.ok)]);
  }
  const lines = [table.toString(), ''];
  for (const check of checks) {
    lines.push(`${mark(check.ok)} ${check.claim}${check.ok ? '' : `, but found: ${check.found}`}`);
  }
  const wrong = [...orders, ...checks].filter((one) => !one.ok).length;
  lines.push('');
  if (!ok) {
    lines.push(
      `${wrong} of ${orders.length + checks.length} did not end as expected within ${timeout} s; ` +
        '"atlas status" shows what is running, "atlas audit" where events are stuck.',
      '',
    );
  }
  for (const [service, url] of Object.entries(urls)) lines.push(`${service.padEnd(10)} ${url}/docs`);
  return `${lines.join('\n')}\n`;
}

const mark = (ok: boolean) => (ok ? '✓' : '✗');

function pathOf({ path, outcome, ok }: DemoOrder): string {
  const steps = path.map(({ status, afterMs }, n) => (n === 0 ? status : `→ ${afterMs} → ${status}`));
  return steps.join(' ') + (ok || outcome === path.at(-1)?.status ? '' : ` (${outcome})`);
}
