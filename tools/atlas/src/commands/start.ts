import { runDemo } from './demo';
import { foregroundLog, runUp, type UpOptions } from './up';
import { runUpDocker } from './up-docker';

/** Time limit for the demo, seconds. */
const DEMO_TIMEOUT = 60;

/** `npm start`: starts the platform, runs the demo, and keeps running until it is stopped. */
export function runStart(options: UpOptions): Promise<number> {
  const json = options.json ?? false;
  const log = foregroundLog(json);
  const whenReady = async () => {
    const code = await runDemo({ json, timeout: DEMO_TIMEOUT }).catch((error: unknown) => {
      process.stderr.write(`atlas: ${(error as Error).message}\n`);
      return 1;
    });
    if (code !== 0) process.stderr.write('The demo failed, see above.\n');
    if (!json) process.stdout.write('\nAtlas keeps running; press Ctrl-C to stop it.\n');
  };
  return options.stack === 'docker'
    ? runUpDocker(options, log, whenReady, false)
    : runUp(options, log, whenReady);
}
