import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TopicSpec } from '../topics';
import { fileOf, type Released, type ReleasedEvent } from './released';

/** Where the released schemas are kept, from the root of the repository. */
export const RELEASED = 'libs/contracts/released';
const TOPICS = 'topics.json';

export function readReleased(folder = RELEASED): Released {
  const files = readdirSync(folder).sort();
  const read = (file: string): unknown => JSON.parse(readFileSync(join(folder, file), 'utf8'));
  return {
    events: files
      .filter((file) => file.endsWith('.json') && file !== TOPICS)
      .map((file) => read(file) as ReleasedEvent),
    topics: files.includes(TOPICS) ? (read(TOPICS) as TopicSpec[]) : [],
  };
}

export function writeReleased(released: Released, folder = RELEASED): void {
  const write = (file: string, content: unknown) =>
    writeFileSync(join(folder, file), `${JSON.stringify(content, null, 2)}\n`);
  for (const event of released.events) write(fileOf(event), event);
  write(TOPICS, released.topics);
}
