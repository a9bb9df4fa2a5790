import { availableParallelism } from 'node:os';
import { SingleBar } from 'cli-progress';
import { Command, Option } from 'commander';
import { MUTATIONS, partsWith } from './mutations';
import { describeFailure, describeTotals } from './report';
import { runSeeds } from './run-seeds';
import { shrink } from './shrink';
import { type Outcome, simulatePlan, simulateSeed } from './simulation';

interface Options {
  readonly seeds: string;
  readonly first: string;
  readonly workers: string;
  readonly seed?: string;
  readonly trace?: boolean;
  readonly mutation?: string;
}

const say = (text: string) => process.stdout.write(`${text}\n`);

async function main(): Promise<void> {
  const options = new Command('simulate')
    .description(
      'Runs the shop in virtual time, under faults that are drawn from seeds, and checks what must hold.',
    )
    .option('--seeds <n>', 'how many seeds to run', '1000')
    .option('--first <n>', 'the first of them', '1')
    .option('--workers <n>', 'how many processes to use', String(availableParallelism()))
    .option('--seed <n>', 'run this seed alone; if it fails, shrink it')
    .option('--trace', 'with --seed: print everything that happens')
    .addOption(
      new Option('--mutation <name>', 'put a known mistake in place, to see it found').choices(
        Object.keys(MUTATIONS),
      ),
    )
    .parse()
    .opts<Options>();
  process.exitCode = (await (options.seed === undefined ? many(options) : one(options))) ? 0 : 1;
}

/** @returns whether all holds. */
async function many({ seeds, first, workers, mutation }: Options): Promise<boolean> {
  const bar = new SingleBar({
    format: '{value} of {total} seeds, {failures} fail, {eta_formatted} left',
    noTTYOutput: true,
    notTTYSchedule: 10_000,
    hideCursor: true,
  });
  const begun = performance.now();
  bar.start(Number(seeds), 0, { failures: 0 });
  const totals = await runSeeds(
    { first: Number(first), count: Number(seeds), mutation, workers: Number(workers) },
    (soFar) => bar.update(soFar.seeds, { failures: soFar.failures.length }),
  );
  bar.stop();
  say(describeTotals(totals, performance.now() - begun));
  for (const { seed, message } of totals.failures) say(`Seed ${seed}: ${message}`);
  const [failure] = totals.failures;
  if (!failure) return true;
  const mutated = mutation === undefined ? '' : ` --mutation ${mutation}`;
  say(`\nTo see one again: npm run simulate -- --seed ${failure.seed} --trace${mutated}`);
  await explain(await simulateSeed(failure.seed, partsWith(mutation)), mutation);
  return false;
}

/** @returns whether all holds. */
async function one({ seed, trace, mutation }: Options): Promise<boolean> {
  const outcome = await simulateSeed(Number(seed), partsWith(mutation));
  const { violation, steps, virtualMs, digest } = outcome;
  if (trace) say(outcome.trace.join('\n'));
  say(
    `Seed ${seed}: ${violation?.message ?? 'all holds'} (${steps} steps, ${virtualMs / 1_000} s of virtual time, trace ${digest})`,
  );
  if (violation) await explain(outcome, mutation);
  return violation === undefined;
}

/** Prints the smallest run that fails in the same way. */
async function explain(failing: Outcome, mutation: string | undefined): Promise<void> {
  const parts = partsWith(mutation);
  const { outcome, runs } = await shrink(failing, (plan) => simulatePlan(plan, parts));
  say(`\nThe smallest run that fails in the same way, found in ${runs} tries:\n${describeFailure(outcome)}`);
}

void main();
