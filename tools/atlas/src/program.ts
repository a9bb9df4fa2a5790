import { Command, Option } from 'commander';
import { positiveInteger, positiveNumber } from './options';
import { addRunOptions, type RunOptions, upOptions } from './run-options';
import { localStack, PLACES } from './stacks';
import { SERVICES } from './topology';
import { type Common, ended, verb } from './verb';

// Each command loads its code only when it is called, which keeps startup fast and memory low.

export const program = new Command('atlas')
  .description('Runs the platform, and verifies that no data was lost.')
  .helpCommand(false)
  .showHelpAfterError('(see --help)')
  .configureHelp({ showGlobalOptions: true })
  .addOption(
    new Option(
      '--stack <stack>',
      'embedded engines, Kafka in containers, or the cluster of kubectl; default: what runs, or embedded engines',
    )
      .env('ATLAS_STACK')
      .choices(PLACES),
  )
  .hook('preAction', (root) => {
    const { stack } = root.opts<Common>();
    if (stack) process.env['ATLAS_STACK'] = stack;
  })
  .addHelpText(
    'after',
    '\nData, logs and state are kept in .atlas next to the sources, or in the folder named by ATLAS_HOME.',
  );

// ---- start and stop

addRunOptions(
  verb<RunOptions>(
    program,
    'start',
    'Starts the platform, shows it at work, and runs until Ctrl-C.',
    async (options, command) => {
      const { runStart } = await import('./commands/start.js');
      return ended(await runStart(upOptions(options, command)));
    },
  ),
);

addRunOptions(
  verb<RunOptions & { detach?: boolean; background?: boolean }>(
    program,
    'up',
    'Starts the platform and runs until Ctrl-C.',
    async (options, command) => {
      const { detach, foregroundLog, printState, runInBackground, runUp } = await import('./commands/up.js');
      const { json } = options;
      const plan = upOptions(options, command);
      if (plan.stack === 'docker') {
        const { printDockerState, runUpDocker } = await import('./commands/up-docker.js');
        const stop = options.detach ? '"npx atlas down"' : 'Ctrl-C';
        return ended(
          await runUpDocker(
            plan,
            foregroundLog(json ?? false),
            async (state) => printDockerState(state, { json, stop }),
            options.detach ?? false,
          ),
        );
      }
      if (options.background) return ended(await runInBackground(plan));
      if (options.detach) {
        printState(await detach(), { json, stop: '"npx atlas down"' });
        return 0;
      }
      const log = foregroundLog(json ?? false);
      return ended(await runUp(plan, log, async (state) => printState(state, { json, stop: 'Ctrl-C' })));
    },
  ),
)
  .option('--detach', 'return once everything is ready, and keep it running in the background')
  .addOption(new Option('--background').hideHelp());

verb(program, 'down', 'Stops the platform, whichever stack it runs on.', async (options) => {
  localStack(options.stack);
  return (await import('./commands/down.js')).runDown(options);
});

verb(program, 'status', 'Shows all processes; exit code 1 unless all are ready.', async (options) =>
  (await import('./commands/status.js')).runStatus(options),
);

verb<Common & { yes?: boolean }>(program, 'reset', 'Deletes all data.', async (options) => {
  localStack(options.stack);
  return (await import('./commands/reset.js')).runReset(options);
}).option('--yes', 'do not ask for confirmation');

// ---- requests and checks

verb<Common & { timeout: number }>(
  program,
  'demo',
  'Shows the platform at work; exit code 0 only if everything ends as expected.',
  async (options) => (await import('./commands/demo.js')).runDemo(options),
).option('--timeout <seconds>', 'time limit for all of it', positiveNumber, 60);

verb(
  program,
  'try [context]',
  'Sends each context the example of a request that its API shows, and waits for the event on the log.',
  async (options, _command, context) => (await import('./commands/try.js')).runTry({ ...options, context }),
);

verb(
  program,
  'audit',
  'Checks the invariants across all databases and the event log; exit code 1 if any is violated.',
  async (options) => (await import('./commands/audit.js')).runAudit(options),
);

// ---- development

verb<Common & { check?: boolean }>(
  program,
  'generate',
  'Updates the files generated from apps/*/context.json: compose.yaml, manifests, Prometheus targets and alerts.',
  async (options) => (await import('./commands/generate.js')).runGenerate(options),
).option('--check', 'change nothing; exit code 1 if a file is out of date');

verb<Common & { all?: boolean; same?: boolean; html?: string | true }>(
  program,
  'compare [contexts...]',
  'Sets two contexts side by side, as their code is: what is alike, what differs, and why.',
  async (options, command) => (await import('./commands/compare.js')).runCompare(options, command.args),
)
  .option('--html [file]', 'write a page with the code of both beside each other, and diagrams')
  .option('--same', 'show what is the same, too')
  .option('--all', 'all contexts in one table');

verb<Common & { prefix: string }>(
  program,
  'acls',
  'Prints the commands that grant each process the fewest permissions on Kafka that suffice.',
  async (options) => (await import('./commands/acls.js')).runAcls(options),
).addOption(
  new Option('--prefix <prefix>', 'begins the names on the brokers').env('KAFKA_PREFIX').default(''),
);

// ---- event log

const events = program
  .command('events')
  .description('The event log: topics, partitions, events, and the position of each consumer group.')
  .helpCommand(false);

verb<Common>(
  events,
  'describe',
  'Shows every partition, with the position and lag of each consumer group.',
  async (options) => (await import('./commands/events.js')).runDescribe(options),
);

verb<Common & { fromBeginning?: boolean; limit?: number; key?: string; type?: string; data?: boolean }>(
  events,
  'tail [topics...]',
  'Shows events as they arrive, until Ctrl-C; with --json, one line of JSON per event.',
  async (options, command) => (await import('./commands/events.js')).runTail(options, command.args),
)
  .option('--from-beginning', 'include existing events')
  .option('--limit <events>', 'stop after this many events', positiveInteger)
  .option('--key <key>', 'only events with this key: the ID of what they are about')
  .option('--type <type>', 'only events of this type, as "tail" shows them')
  .option('--data', 'include the event data');

// ---- positions of consumers

const positions = program
  .command('positions')
  .description('Where each service is in the event log, according to its own database.')
  .helpCommand(false);

verb<Common>(
  positions,
  'list',
  'Lists the positions; exit code 1 if a service stands still because the log lacks what comes next.',
  async (options) => (await import('./commands/positions.js')).runList(options),
);

verb<Common>(
  positions,
  'set <service> <partition> <offset>',
  `Sets a position, of a running service, too: set ${SERVICES[0]} ${SERVICES[0]}.events/3 oldest.`,
  async (options, _command, service, partition, offset) =>
    (await import('./commands/positions.js')).runSet(options, service, partition, offset),
);

// ---- dead letters

const dlq = program
  .command('dlq')
  .description('Dead letters: records that a service could not handle, and later records that wait for them.')
  .helpCommand(false);

verb<Common & { service?: string; all?: boolean }>(
  dlq,
  'list',
  'Lists unresolved dead letters.',
  async (options) => (await import('./commands/dlq.js')).runList(options),
)
  .option('--service <name>', 'only dead letters of this service')
  .option('--all', 'include resolved ones');

verb<Common>(
  dlq,
  'show <letter>',
  `Shows a dead letter and its record, such as ${SERVICES[0]}/12.`,
  async (options, _command, letter) => (await import('./commands/dlq.js')).runShow(options, letter),
);

verb<Common & { service?: string; all?: boolean }>(
  dlq,
  'replay [letters...]',
  'Handles records again, each with those that wait for it; exit code 1 if one fails again.',
  async (options, command) => (await import('./commands/dlq.js')).runReplay(options, command.args),
)
  .option('--service <name>', 'with --all: only dead letters of this service')
  .option('--all', 'all unresolved ones');

verb<Common & { reason: string; service?: string; kind?: string; all?: boolean }>(
  dlq,
  'discard [letters...]',
  'Marks records as never to be handled; records that wait for them stay.',
  async (options, command) => (await import('./commands/dlq.js')).runDiscard(options, command.args),
)
  .requiredOption('--reason <text>', 'the reason, kept with the dead letters')
  .option('--all', 'all unresolved ones of a service')
  .option('--service <name>', 'with --all: the service')
  .option('--kind <kind>', 'with --all: only dead letters of this kind, such as malformed');

// ---- relays

const relay = program
  .command('relay')
  .description('The relays, which publish what the services commit.')
  .helpCommand(false);

verb<Common>(
  relay,
  'adopt <service>',
  'Goes on publishing from a database that was restored, moved or failed over; only after a relay has stopped for it.',
  async (options, _command, service) => (await import('./commands/relay.js')).runAdopt(options, service),
);
