import { Command, Option } from 'commander';
import { numberFromZero, port, positiveInteger, positiveNumber, share } from './options';
import { portVariableOf } from './names';
import type { PortWish } from './ports';
import type { Stack } from './platform';
import { DEFAULT_PORTS, KAFKA } from './topology';

// Each verb is loaded when it is called: what the others need would only cost time and memory.

export const program = new Command('atlas')
  .description('Runs the platform, puts orders through it, and checks that nothing was lost.')
  .helpCommand(false)
  .showHelpAfterError('(--help shows what there is)')
  .addHelpText(
    'after',
    '\nData, logs and what runs are kept in .atlas beside the sources, or in the folder that ATLAS_HOME names.',
  );

interface Common {
  readonly json?: boolean;
}

/** A verb; each has --json, and its action returns the exit code. */
function verb<Options extends Common>(
  declaration: string,
  description: string,
  action: (options: Options, command: Command, ...args: string[]) => Promise<number>,
  parent = program,
): Command {
  return parent
    .command(declaration)
    .description(description)
    .option('--json', 'the result as JSON on stdout, the log on stderr')
    .action(async (...parameters: unknown[]) => {
      const command = parameters.pop() as Command;
      const options = parameters.pop() as Options;
      process.exitCode = await action(options, command, ...(parameters as string[]));
    });
}

// ---- running it

verb<RunOptions>(
  'start',
  'Starts everything, puts some orders through, and runs until Ctrl-C.',
  async (options, command) => {
    const { runStart } = await import('./commands/start.js');
    return ended(await runStart(upOptions(options, command)));
  },
);

verb<RunOptions & { detach?: boolean; background?: boolean }>(
  'up',
  'Starts everything and runs until Ctrl-C.',
  async (options, command) => {
    const { detach, foregroundLog, printState, runInBackground, runUp } = await import('./commands/up.js');
    const { json } = options;
    if (options.stack === 'docker') {
      const { printDockerState, runUpDocker } = await import('./commands/up-docker.js');
      const stop = options.detach ? '"npx atlas down"' : 'Ctrl-C';
      return ended(
        await runUpDocker(
          upOptions(options, command),
          foregroundLog(json ?? false),
          async (state) => printDockerState(state, { json, stop }),
          options.detach ?? false,
        ),
      );
    }
    if (options.background) return ended(await runInBackground(upOptions(options, command)));
    if (options.detach) {
      printState(await detach(), { json, stop: '"npx atlas down"' });
      return 0;
    }
    const log = foregroundLog(json ?? false);
    return ended(
      await runUp(upOptions(options, command), log, async (state) =>
        printState(state, { json, stop: 'Ctrl-C' }),
      ),
    );
  },
)
  .option('--detach', 'return once everything is ready, and leave it running')
  .addOption(new Option('--background').hideHelp());

verb('down', 'Stops everything, wherever it was started.', async (options) =>
  (await import('./commands/down.js')).runDown(options),
);

verb('status', 'Shows what runs; exit code 1 unless all of it is ready.', async (options) =>
  (await import('./commands/status.js')).runStatus(options),
);

verb<Common & { yes?: boolean }>('reset', 'Throws all data away.', async (options) =>
  (await import('./commands/reset.js')).runReset(options),
).option('--yes', 'do not ask');

// ---- using it

verb<Common & { timeout: number }>(
  'demo',
  'Puts a handful of orders through; exit code 0 only if each ended as it must.',
  async (options) => (await import('./commands/demo.js')).runDemo(options),
).option('--timeout <seconds>', 'that all orders together may take', positiveNumber, 60);

verb<
  Common & { limit?: number; rate?: number; concurrency: number; stockRatio: number; declineRate: number }
>(
  'load <file>',
  'Places an order for each line of a file, a basket of item names, and waits until all are settled.',
  async (options, _command, file) => {
    const { runLoad } = await import('./commands/load.js');
    return runLoad({ ...options, file });
  },
)
  .option('--limit <baskets>', 'take at most so many', positiveInteger)
  .option('--rate <orders>', 'begin at most so many a second', positiveNumber)
  .option('--concurrency <requests>', 'at a time', positiveInteger, 16)
  .option('--stock-ratio <factor>', 'units put into stock for each unit that is asked for', numberFromZero, 1)
  .option('--decline-rate <share>', 'of the orders whose card is declined, 0 to 1', share, 0);

verb<Common & { limit?: number; concurrency: number; every: number; seed: number }>(
  'chaos [file]',
  'Loads baskets while it kills services, relays and the database with kill -9; then audits.',
  async (options, _command, file) => (await import('./commands/chaos.js')).runChaos({ ...options, file }),
)
  .option('--limit <baskets>', 'take at most so many; without a file, make up so many', positiveInteger)
  .option('--concurrency <requests>', 'at a time', positiveInteger, 16)
  .option('--every <seconds>', 'between two kills, on average', positiveNumber, 3)
  .option('--seed <number>', 'decides who is killed when', positiveInteger, 1);

verb<Common & { limit: number; concurrency: number; outage: number; seed: number }>(
  'chaos-provider',
  'Places orders while the payment provider goes through all its faults and is killed; then audits.',
  async (options) => (await import('./commands/chaos-provider.js')).runChaosProvider(options),
)
  .option('--limit <orders>', 'in all', positiveInteger, 2_000)
  .option('--concurrency <requests>', 'at a time', positiveInteger, 16)
  .option(
    '--outage <seconds>',
    'that each fault strikes every request, before it strikes some',
    positiveNumber,
    2,
  )
  .option('--seed <number>', 'decides which requests get a fault', positiveInteger, 1);

verb(
  'audit',
  'Checks the invariants over all databases and the log; exit code 1 if one is violated.',
  async (options) => (await import('./commands/audit.js')).runAudit(options),
);

// ---- developing it

verb<Common & { check?: boolean }>(
  'generate',
  'Updates what follows from apps/*/context.json: compose.yaml, Prometheus targets and alerts.',
  async (options) => (await import('./commands/generate.js')).runGenerate(options),
).option('--check', 'change nothing; exit code 1 if something is out of date');

// ---- the log

const events = program
  .command('events')
  .description('The event log: topics, partitions, keys, and how far each group has come.')
  .helpCommand(false);

verb<Common>(
  'describe',
  'Shows every partition, and the position and lag of each group.',
  async (options) => (await import('./commands/events.js')).runDescribe(options),
  events,
);

verb<Common & { fromBeginning?: boolean; limit?: number; key?: string; type?: string; data?: boolean }>(
  'tail [topics...]',
  'Shows events as they come, until Ctrl-C; with --json a line of JSON for each.',
  async (options, command) => (await import('./commands/events.js')).runTail(options, command.args),
  events,
)
  .option('--from-beginning', 'what is there already, too')
  .option('--limit <events>', 'end after so many', positiveInteger)
  .option('--key <key>', 'of one key alone, such as an order')
  .option('--type <type>', 'of one type alone, such as orders.order-placed')
  .option('--data', 'with their data');

// ---- dead letters

const dlq = program
  .command('dlq')
  .description('Dead letters: records that a service could not handle, and those that wait behind them.')
  .helpCommand(false);

verb<Common & { service?: string; all?: boolean }>(
  'list',
  'Lists those that wait for a decision.',
  async (options) => (await import('./commands/dlq.js')).runList(options),
  dlq,
)
  .option('--service <name>', 'of one service alone')
  .option('--all', 'also those that are resolved');

verb<Common>(
  'show <letter>',
  'Shows one with its record, such as orders/12.',
  async (options, _command, letter) => (await import('./commands/dlq.js')).runShow(options, letter),
  dlq,
);

verb<Common & { service?: string; all?: boolean }>(
  'replay [letters...]',
  'Has records handled after all, each with those behind it; exit code 1 if one fails again.',
  async (options, command) => (await import('./commands/dlq.js')).runReplay(options, command.args),
  dlq,
)
  .option('--service <name>', 'with --all: of one service alone')
  .option('--all', 'all that wait');

verb<Common & { reason: string }>(
  'discard <letter>',
  'Decides that a record will never be handled; those behind it stay.',
  async (options, _command, letter) => (await import('./commands/dlq.js')).runDiscard(options, letter),
  dlq,
).requiredOption('--reason <text>', 'why, for those who ask later');

// ---- what the options mean

interface RunOptions extends Common {
  readonly stack: Stack;
  readonly logLevel?: string;
}

// An empty setting counts as none, as it does for the services.
for (const name of ['LOG_LEVEL', 'ATLAS_STACK', ...[...DEFAULT_PORTS.keys()].map(portVariableOf)]) {
  if (process.env[name] === '') delete process.env[name];
}

for (const command of program.commands.filter((one) => ['start', 'up'].includes(one.name()))) {
  command.addOption(
    new Option('--stack <stack>', 'on embedded engines, or on Kafka in containers')
      .env('ATLAS_STACK')
      .choices(['embedded', 'docker'])
      .default('embedded'),
  );
  command.addOption(
    new Option('--log-level <level>', 'of every process')
      .env('LOG_LEVEL')
      .choices(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']),
  );
  for (const [name, usual] of DEFAULT_PORTS) {
    command.addOption(
      new Option(
        `--${name}-port <port>`,
        `of ${name}${name === KAFKA ? ', on the docker stack' : ''}; if ${usual} is in use, another one is taken`,
      )
        .env(portVariableOf(name))
        .default(usual)
        .argParser(port),
    );
  }
}

function upOptions(options: RunOptions, command: Command) {
  const ports = [...DEFAULT_PORTS.keys()].map((name): PortWish => {
    const key = `${name}Port`.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
    return {
      name,
      port: command.getOptionValue(key) as number,
      fixed: command.getOptionValueSource(key) !== 'default',
      setBy: `--${name}-port or ${portVariableOf(name)}`,
    };
  });
  return { json: options.json ?? false, stack: options.stack, ports, logLevel: options.logLevel };
}

/** Ends now, whatever still waits for an answer. */
function ended(code: number): never {
  process.exit(code);
}
