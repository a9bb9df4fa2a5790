import { type Command, Option } from 'commander';
import type { UpOptions } from './commands/up';
import { portVariableOf } from './names';
import { port } from './options';
import type { PortWish } from './ports';
import { localStack } from './stacks';
import { DEFAULT_PORTS, KAFKA } from './topology';
import type { Common } from './verb';

/** The options of the commands that start the platform. */
export interface RunOptions extends Common {
  readonly logLevel?: string;
}

/** Adds them to a command. Each can also be set by an environment variable; an empty one counts as not set. */
export function addRunOptions(command: Command): Command {
  for (const name of ['LOG_LEVEL', 'ATLAS_STACK', ...[...DEFAULT_PORTS.keys()].map(portVariableOf)]) {
    if (process.env[name] === '') delete process.env[name];
  }
  command.addOption(
    new Option('--log-level <level>', 'log level of all processes')
      .env('LOG_LEVEL')
      .choices(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']),
  );
  for (const [name, usual] of DEFAULT_PORTS) {
    const where = name === KAFKA ? ', on the docker stack' : '';
    command.addOption(
      new Option(
        `--${name}-port <port>`,
        `port of ${name}${where}; if ${usual} is in use, another one is chosen`,
      )
        .env(portVariableOf(name))
        .default(usual)
        .argParser(port),
    );
  }
  return command;
}

/**
 * What the options mean.
 * @throws UserError if they name a stack that is not started like this.
 */
export function upOptions(options: RunOptions, command: Command): UpOptions {
  const ports = [...DEFAULT_PORTS.keys()].map((name): PortWish => {
    const key = `${name}Port`.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
    return {
      name,
      port: command.getOptionValue(key) as number,
      fixed: command.getOptionValueSource(key) !== 'default',
      setBy: `--${name}-port or ${portVariableOf(name)}`,
    };
  });
  return { json: options.json ?? false, stack: localStack(options.stack), ports, logLevel: options.logLevel };
}
