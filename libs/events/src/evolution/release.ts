import type { EventLanguage } from '../catalogue';
import { breaches, deploymentOf, release, unreleased } from './released';
import { readReleased, writeReleased } from './released-files';

/**
 * Adds the current schemas and topics to the released ones in `folder`. Writes nothing if that would break old readers
 * or old data. Reports what it did.
 * @returns true if nothing would break.
 */
export function releaseInto(folder: string, today: EventLanguage): boolean {
  const released = readReleased(folder);
  const broken = breaches(today, released);
  if (broken.length > 0) {
    for (const sentence of broken) console.error(sentence);
    console.error('Nothing was released.');
    return false;
  }
  const news = unreleased(today, released);
  for (const sentence of deploymentOf(today, released)) console.log(sentence);
  writeReleased(release(today, released), folder);
  console.log(
    news.length === 0 ? 'Everything is already released.' : `${news.length} new in ${folder}; commit them.`,
  );
  return true;
}
