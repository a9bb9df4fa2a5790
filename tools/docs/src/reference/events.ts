import { catalogue } from '@atlas/contracts';
import { type EventContract, topicOf, versionsOf } from '@atlas/events';
import { z } from 'zod';
import type { ContextModel } from '../../../atlas/src/compare/model/model';
import type { Page, WrittenPages } from '../pages';
import { code, FIELDS, fieldRows, json, paragraphs, type Schema, table } from './markdown';

/** The catalogue of events: an overview, and a page for each. */
export function eventPages(models: readonly ContextModel[], links: WrittenPages): readonly Page[] {
  const readersOf = ({ owner, type }: EventContract): readonly string[] =>
    models.find(({ name }) => name === owner)?.eventsOut.find((event) => event.type === type)?.consumers ??
    [];
  const rows = catalogue.contracts.map((contract) => [
    `[${contract.type}](./${contract.type}.md)`,
    String(contract.version),
    `[${contract.owner}](../contexts/${contract.owner}.md)`,
    contract.aggregate,
    readersOf(contract).join(', ') || 'nobody',
  ]);
  const index = paragraphs(
    '# Events',
    'Everything that contexts tell each other, generated from their contracts in ' +
      `${links.linkToCode('libs/contracts', 'libs/contracts/src')}: CloudEvents 1.0, one topic for each context, keyed by ` +
      'the id of the aggregate. [Schema evolution](../../schema-evolution.md) says how they may change. For tools, the ' +
      `same as ${links.linkToCode('AsyncAPI 3.0', 'docs/asyncapi.yaml')}.`,
    table(['event', 'version', 'owner', 'about', 'consumed by'], rows),
  );
  return [
    { path: 'reference/events/index.md', text: index },
    ...catalogue.contracts.map((contract) => ({
      path: `reference/events/${contract.type}.md`,
      text: eventPage(contract, readersOf(contract), links),
    })),
  ];
}

function eventPage(contract: EventContract, readers: readonly string[], links: WrittenPages): string {
  const { type, version, owner, aggregate, data, examples, unconsumed } = contract;
  const schema = z.toJSONSchema(data, { io: 'input' }) as Schema;
  const older = versionsOf(contract).slice(1);
  const sources = [`libs/contracts/src/${owner}.ts`, `libs/contracts/released/${type}.v${version}.json`];
  return paragraphs(
    `# ${type}`,
    table(
      ['version', 'owner', 'topic', 'key', 'consumed by'],
      [
        [
          String(version),
          `[${owner}](../contexts/${owner}.md)`,
          code(topicOf(owner)),
          `the id of the ${aggregate}`,
          readers.map((each) => `[${each}](../contexts/${each}.md)`).join(', ') || 'nobody',
        ],
      ],
    ),
    unconsumed && `Why nobody: ${unconsumed}`,
    older.length > 0 &&
      `Older versions that are still read: ${older.map((each) => each.version).join(', ')}.`,
    '## Data',
    table(FIELDS, fieldRows(schema)),
    '## Examples',
    ...examples.map(json),
    '## Schema',
    json(schema),
    `Defined in ${sources.map((path) => links.linkToCode(path, path)).join(', released as ')}.`,
  );
}
