import { parseArgs } from 'node:util';
import { basename } from 'node:path';
import { createWorkspace } from './create';
import { Refusal } from '../src/refusal';

const HELP = `Usage: create-atlas DIR [--context NAME] [--aggregate NAME]

Makes a workspace in DIR: the platform's libraries, relay, tools and deployment, and one context, without the shop.

  --context NAME     the context; default: the name of DIR
  --aggregate NAME   what it keeps, singular; default: the singular of the context's name, or a case of it
`;

async function main(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    options: {
      context: { type: 'string' },
      aggregate: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
    allowPositionals: true,
  });
  const [folder, ...more] = positionals;
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  if (folder === undefined || more.length > 0) {
    process.stderr.write(HELP);
    return 1;
  }
  const { context = basename(folder), aggregate } = values;
  const made = await createWorkspace({ folder, context, aggregate });
  process.stdout.write(
    `\n${made} has the platform and the context "${context}". What now:\n\n` +
      `  cd ${folder}\n  npm start      starts it, and sends a first request through\n  npm test       runs every check and test\n\n` +
      `Its README.md says where to go on.\n`,
  );
  return 0;
}

main(process.argv.slice(2)).then(
  (code) => (process.exitCode = code),
  (error: unknown) => {
    const isExpected =
      error instanceof Refusal || (error as { code?: string }).code?.startsWith('ERR_PARSE_ARGS');
    process.stderr.write(`create-atlas: ${isExpected ? (error as Error).message : (error as Error).stack}\n`);
    process.exitCode = 1;
  },
);
