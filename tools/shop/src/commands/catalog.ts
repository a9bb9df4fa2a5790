import { stat } from 'node:fs/promises';
import { connect } from '@atlas/cli/platform';
import { Presets, SingleBar } from 'cli-progress';
import Table from 'cli-table3';
import { type Counts, importCatalog, type ImportOptions, type ImportResult } from '../catalog/import';
import { AtlasClient } from '../client';

export interface ImportCommandOptions extends ImportOptions {
  readonly json?: boolean;
}

/** How many refused lines are shown; `--json` has them all. */
const SHOWN = 20;

/**
 * Imports a file into the catalog of the running platform.
 * @returns the exit code: 0 if no line was refused.
 */
export async function runImport({ json, ...options }: ImportCommandOptions): Promise<number> {
  const { urls } = await connect();
  const client = new AtlasClient(urls, { connections: options.concurrency });
  const bar = new SingleBar(
    {
      format: '{bar} {percentage}%, {done} lines written, {refused} refused, {duration_formatted}',
      stream: process.stderr,
      noTTYOutput: true,
      notTTYSchedule: 5_000,
      hideCursor: true,
    },
    Presets.shades_classic,
  );
  const size = await stat(options.file).then(
    (file) => file.size,
    () => 0, // the import says what is wrong with it
  );
  try {
    const result = await importCatalog(client, options, {
      update: ({ bytes, done, refused }) => {
        if (!bar.isActive) bar.start(size, 0, { done: 0, refused: 0 });
        bar.update(Math.min(bytes, size), { done, refused });
      },
    });
    bar.stop();
    process.stdout.write(json ? `${JSON.stringify(result, undefined, 2)}\n` : describe(result));
    return result.refused.length === 0 ? 0 : 1;
  } finally {
    bar.stop();
    await client.close();
  }
}

function describe({ categories, products, refused, wallMs }: ImportResult): string {
  const table = new Table({
    head: ['', 'created', 'changed', 'unchanged'],
    colAligns: ['left', 'right', 'right', 'right'],
    style: { head: [], border: [], compact: true },
  });
  const row = (name: string, { created, changed, unchanged }: Counts) =>
    table.push([name, created, changed, unchanged]);
  row('categories', categories);
  row('products', products);
  const lines = [table.toString(), `in ${(wallMs / 1_000).toFixed(1)} s`];
  if (refused.length > 0) lines.push(`Refused: ${refused.length}`);
  for (const { line, reason } of refused.slice(0, SHOWN)) lines.push(`  line ${line} ${reason}`);
  if (refused.length > SHOWN) lines.push(`  and ${refused.length - SHOWN} more, which --json lists`);
  return `${lines.join('\n')}\n`;
}
