import type { Command } from 'commander';
import type { Place } from './stacks';

export interface Common {
  readonly json?: boolean;
  /** Of all commands; see program.ts. */
  readonly stack?: Place;
}

/** A subcommand of `parent` with --json. Its action returns the exit code. */
export function verb<Options extends Common>(
  parent: Command,
  declaration: string,
  description: string,
  action: (options: Options, command: Command, ...args: string[]) => Promise<number>,
): Command {
  return parent
    .command(declaration)
    .description(description)
    .option('--json', 'print the result as JSON to stdout and the log to stderr')
    .action(async (...parameters: unknown[]) => {
      const command = parameters.pop() as Command;
      parameters.pop(); // the command's own options
      const options = command.optsWithGlobals<Options>();
      process.exitCode = await action(options, command, ...(parameters as string[]));
    });
}

/** Exits now, without waiting for open connections. */
export function ended(code: number): never {
  process.exit(code);
}
