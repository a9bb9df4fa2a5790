import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TopicSpec } from '../topics';
import { fileOf, type Released, type ReleasedEvent } from './released';

const TOPICS = 'topics.json';

/** Reads the released schemas and topics that {@link writeReleased} stored in `folder`. */
export function readReleased(folder: string): Released {
  const files = readdirSync(folder).sort();
  const read = (file: string): unknown => JSON.parse(readFileSync(join(folder, file), 'utf8'));
  return {
    events: files
      .filter((file) => file.endsWith('.json') && file !== TOPICS)
      .map((file) => read(file) as ReleasedEvent),
    topics: files.includes(TOPICS) ? (read(TOPICS) as TopicSpec[]) : [],
  };
}

export function writeReleased(released: Released, folder: string): void {
  const write = (file: string, content: unknown) =>
    writeFileSync(join(folder, file), `${JSON.stringify(content, null, 2)}\n`);
  for (const event of released.events) write(fileOf(event), event);
  write(TOPICS, released.topics);
}
