import { readAdditions } from '../additions';
import { foregroundLog, runUp, type UpOptions } from './up';
import { runUpDocker } from './up-docker';
import { runTry } from './try';

const tryAll = (json: boolean) => runTry({ json });

/** `npm start`: starts the platform, shows it at work, and keeps running until it is stopped. */
export async function runStart(options: UpOptions): Promise<number> {
  const json = options.json ?? false;
  const log = foregroundLog(json);
  const shows = (await readAdditions()).flatMap(({ show }) => show ?? []);
  const whenReady = async () => {
    for (const show of shows.length > 0 ? shows : [tryAll]) {
      const code = await show(json).catch((error: unknown) => {
        process.stderr.write(`atlas: ${(error as Error).message}\n`);
        return 1;
      });
      if (code !== 0) process.stderr.write('That did not end as expected, see above.\n');
    }
    if (!json) process.stdout.write('\nAtlas keeps running; press Ctrl-C to stop it.\n');
  };
  return options.stack === 'docker'
    ? runUpDocker(options, log, whenReady, false)
    : runUp(options, log, whenReady);
}
