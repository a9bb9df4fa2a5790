// Paths, messages and child processes: what the other files of this folder share.
import { spawn } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The workspace folder. */
export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** A path below the workspace folder. */
export const at = (...path) => join(root, ...path);

/** A failure whose message tells the user what to do; it needs no stack trace. */
export class Problem extends Error {}

/** Writes to stderr: stdout belongs to the command that runs, which may print JSON. */
export const say = (text) => process.stderr.write(`atlas: ${text}\n`);

/** The time since `begin`, a `Date.now()`. */
export const seconds = (begin) => `${((Date.now() - begin) / 1000).toFixed(1)} s`;

/** stdio for a program whose whole output goes to stderr. */
export const TO_STDERR = { stdio: ['ignore', 2, 2] };

/**
 * Runs a program in the workspace folder and returns its exit code. Signals are passed on; the program decides how to
 * end.
 * @throws Problem if the program can't be started.
 */
export function run(file, args, options) {
  return new Promise((done, failed) => {
    const child = spawn(file, args, { cwd: root, env: environment(), ...options });
    // Ctrl-C reaches the child by itself; the other signals reach only this process.
    const handlers = {
      SIGINT: () => {},
      SIGTERM: () => child.kill('SIGTERM'),
      SIGHUP: () => child.kill('SIGHUP'),
    };
    for (const [signal, handler] of Object.entries(handlers)) process.on(signal, handler);
    child.once('error', (error) => failed(new Problem(`${file} can't be run: ${error.message}`)));
    child.once('close', (code, signal) => {
      for (const [name, handler] of Object.entries(handlers)) process.off(name, handler);
      done(signal ? 1 : code);
    });
    options.onOutput && [child.stdout, child.stderr].forEach((stream) => stream.on('data', options.onOutput));
  });
}

/** Nx asks no questions, sends no reports and keeps no daemon. */
function environment() {
  return {
    NX_DAEMON: 'false',
    NX_NO_CLOUD: 'true',
    NX_TUI: 'false',
    NX_INTERACTIVE: 'false',
    ...process.env,
  };
}
