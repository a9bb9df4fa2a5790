import type { Addition } from '@atlas/cli/additions';
import { numberFromZero, positiveInteger, positiveNumber, share } from '@atlas/cli/options';
import { localStack } from '@atlas/cli/stacks';
import { type Common, ended, verb } from '@atlas/cli/verb';
import { type Command, InvalidArgumentError } from 'commander';
import { type FaultKind, FAULT_KINDS } from './faults/plan';

// Each command loads its code only when it is called, which keeps startup fast and memory low.

/** The shop's verbs of the atlas command, and its demo: an order for each possible ending. */
export const addition: Addition = {
  add,
  show: async (options) => (await import('./commands/demo.js')).runDemo(options),
};

function add(program: Command): void {
  const catalog = program.command('catalog').description('Products: what the shop sells.').helpCommand(false);
  verb<Common & { concurrency: number }>(
    catalog,
    'import <file>',
    'Writes each line of a file of JSON lines, a product or a category, to the catalog; importing it again changes nothing.',
    async (options, _command, file) =>
      (await import('./commands/catalog.js')).runImport({ ...options, file }),
  ).option('--concurrency <requests>', 'maximum number of concurrent requests', positiveInteger, 16);

  verb<
    Common & { limit?: number; rate?: number; concurrency: number; stockRatio: number; declineRate: number }
  >(
    program,
    'load <file>',
    'Places an order for each line of a file (a basket of item names) and waits until all are settled.',
    async (options, _command, file) => {
      const { runLoad } = await import('./commands/load.js');
      return runLoad({ ...options, file });
    },
  )
    .option('--limit <baskets>', 'maximum number of baskets', positiveInteger)
    .option('--rate <orders>', 'maximum number of orders per second', positiveNumber)
    .option('--concurrency <requests>', 'maximum number of concurrent requests', positiveInteger, 16)
    .option('--stock-ratio <factor>', 'units put in stock for each unit ordered', numberFromZero, 1)
    .option('--decline-rate <share>', 'share of orders whose card is declined, 0 to 1', share, 0);

  verb<
    Common & {
      limit?: number;
      concurrency: number;
      every: number;
      seed: number;
      faults?: number;
      parallel: number;
      kinds?: readonly FaultKind[];
      rate: number;
      record?: string;
    }
  >(
    program,
    'chaos [file]',
    'Loads baskets while killing services, relays and the database with kill -9, or with --faults while faults of every ' +
      'kind happen to a platform of its own; then audits.',
    async ({ faults, stack: place, ...options }, _command, file) => {
      if (faults === undefined) return (await import('./commands/chaos.js')).runChaos({ ...options, file });
      const stack = localStack(place);
      return ended(
        await (await import('./commands/campaign.js')).runFaultCampaign({ ...options, stack, faults, file }),
      );
    },
  )
    .option(
      '--limit <baskets>',
      'maximum number of baskets; without a file, the number to generate',
      positiveInteger,
    )
    .option('--concurrency <requests>', 'maximum number of concurrent requests', positiveInteger, 16)
    .option('--every <seconds>', 'average time between two kills', positiveNumber, 3)
    .option('--seed <number>', 'determines the order and times of kills, and all faults', positiveInteger, 1)
    .option(
      '--faults <number>',
      'inflict this many faults of every kind, on a platform started for it',
      positiveInteger,
    )
    .option('--parallel <faults>', 'with --faults: how many at a time', positiveInteger, 3)
    .option('--rate <orders>', 'with --faults: orders per second', positiveNumber, 10)
    .option('--kinds <kinds>', 'with --faults: only these, separated by commas', faultKinds)
    .option('--record <file>', 'with --faults: where to write what happened when, as lines of JSON');

  verb<Common & { limit: number; concurrency: number; outage: number; seed: number }>(
    program,
    'chaos-provider',
    'Places orders while the payment provider shows each of its faults and is killed; then audits.',
    async (options) => (await import('./commands/chaos-provider.js')).runChaosProvider(options),
  )
    .option('--limit <orders>', 'total number of orders', positiveInteger, 2_000)
    .option('--concurrency <requests>', 'maximum number of concurrent requests', positiveInteger, 16)
    .option(
      '--outage <seconds>',
      'how long each fault affects every request, before it affects only some',
      positiveNumber,
      2,
    )
    .option('--seed <number>', 'determines which requests fail', positiveInteger, 1);
}

function faultKinds(text: string): readonly FaultKind[] {
  return text.split(',').map((name) => {
    const kind = FAULT_KINDS.find((each) => each === name);
    if (!kind) throw new InvalidArgumentError(`There is no kind "${name}": use ${FAULT_KINDS.join(', ')}.`);
    return kind;
  });
}
