// npm run contracts:release: keeps the schemas of today, unless something that was released before would break.
import { contracts } from '../catalogue';
import { topics } from '../topics';
import { breaches, release, unreleased } from './released';
import { readReleased, RELEASED, writeReleased } from './released-files';

const today = { contracts, topics };
const released = readReleased();
const broken = breaches(today, released);
if (broken.length > 0) {
  for (const sentence of broken) console.error(sentence);
  console.error('Nothing was released.');
  process.exitCode = 1;
} else {
  const news = unreleased(today, released);
  writeReleased(release(today, released));
  console.log(
    news.length === 0 ? 'Everything is released.' : `${news.length} new in ${RELEASED}; commit them.`,
  );
}
