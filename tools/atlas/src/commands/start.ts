import { runDemo } from './demo';
import { foregroundLog, runUp, type UpOptions } from './up';
import { runUpDocker } from './up-docker';

/** Seconds that the orders of the demo may take. */
const DEMO_TIMEOUT = 60;

/** What `npm start` does: everything up, some orders through it, and on until it is stopped. */
export function runStart(options: UpOptions): Promise<number> {
  const json = options.json ?? false;
  const log = foregroundLog(json);
  const whenReady = async () => {
    const code = await runDemo({ json, timeout: DEMO_TIMEOUT }).catch((error: unknown) => {
      process.stderr.write(`atlas: ${(error as Error).message}\n`);
      return 1;
    });
    if (code !== 0) process.stderr.write('The demo did not end as it must, see above.\n');
    if (!json) process.stdout.write('\nAtlas stays up; Ctrl-C stops it.\n');
  };
  return options.stack === 'docker'
    ? runUpDocker(options, log, whenReady, false)
    : runUp(options, log, whenReady);
}
