import { Document } from 'yaml';
import { z } from 'zod';
import type { EventLanguage } from '../catalogue';
import { dataSchemaUri } from '../codec';
import { type EventContract, versionsOf } from '../event-contract';
import { topicOf } from '../topics';
import { recordsOf } from './released';

const KAFKA = { bindingVersion: '0.5.0' };
const name = ({ type, version }: EventContract) => `${type}.v${version}`;

/** The AsyncAPI 3.0 document of the events, as YAML: https://www.asyncapi.com/docs/reference/specification/v3.0.0 */
export function asyncApi({ contracts, topics }: EventLanguage): string {
  const all = contracts.flatMap(versionsOf);
  const of = (topic: string) => all.filter(({ owner }) => topicOf(owner) === topic);
  const owners = [...new Set(contracts.map(({ owner }) => owner))];
  const document = new Document(
    {
      asyncapi: '3.0.0',
      info: {
        title: 'Atlas: events',
        version: '1.0.0',
        description:
          'The events that the services of Atlas exchange: CloudEvents 1.0, Kafka protocol binding, binary mode. ' +
          "Consumers are not part of an event's contract, so only the publishers' operations are listed.",
      },
      defaultContentType: 'application/json',
      channels: Object.fromEntries(
        topics.map((topic) => [
          topic.name,
          {
            address: topic.name,
            messages: Object.fromEntries(
              of(topic.name).map((contract) => [
                name(contract),
                { $ref: `#/components/messages/${name(contract)}` },
              ]),
            ),
            bindings: { kafka: { topic: topic.name, partitions: topic.partitions, ...KAFKA } },
          },
        ]),
      ),
      operations: Object.fromEntries(
        owners.map((owner) => [
          `${owner}-publishes`,
          {
            action: 'send',
            summary: `The events of ${owner}, published by its outbox relay, in their newest versions.`,
            channel: { $ref: `#/channels/${topicOf(owner)}` },
            messages: contracts
              .filter((contract) => contract.owner === owner)
              .map((contract) => ({ $ref: `#/channels/${topicOf(owner)}/messages/${name(contract)}` })),
          },
        ]),
      ),
      components: {
        messages: Object.fromEntries(all.map((contract) => [name(contract), message(contract)])),
      },
    },
    // Each message is self-contained.
    { aliasDuplicateObjects: false },
  );
  document.commentBefore = ' Written by "npm run contracts:asyncapi" from libs/contracts; don\'t edit it.';
  return document.toString({ lineWidth: 0 });
}

function message(contract: EventContract) {
  return {
    name: contract.type,
    title: `${contract.type}, version ${contract.version}`,
    contentType: 'application/json',
    headers: headers(contract),
    payload: draft07(contract),
    bindings: {
      kafka: { key: { type: 'string', description: `The id of the ${contract.aggregate}.` }, ...KAFKA },
    },
    examples: recordsOf(contract).map((record) => ({
      headers: record.headers,
      payload: JSON.parse(record.value) as unknown,
    })),
  };
}

/** AsyncAPI's own schema format is based on draft 07. */
function draft07(contract: EventContract): unknown {
  return { ...z.toJSONSchema(contract.data, { io: 'input', target: 'draft-07' }), $schema: undefined };
}

/** Kafka header values are encoded as text. */
function headers(contract: EventContract) {
  const text = (description: string) => ({ type: 'string', description });
  return {
    type: 'object',
    required: [
      ...['content-type', 'ce_specversion', 'ce_id', 'ce_type', 'ce_source', 'ce_subject', 'ce_time'],
      ...['ce_dataschema', 'ce_aggregateversion'],
    ],
    properties: {
      'content-type': { type: 'string', pattern: '^application/json\\b' },
      ce_specversion: { type: 'string', const: '1.0' },
      ce_id: { type: 'string', format: 'uuid', description: 'Unique; consumers deduplicate by it.' },
      ce_type: { type: 'string', const: contract.type },
      ce_source: { type: 'string', const: `/atlas/${contract.owner}` },
      ce_subject: text(`The id of the ${contract.aggregate}.`),
      ce_time: { type: 'string', format: 'date-time' },
      ce_dataschema: { type: 'string', const: dataSchemaUri(contract) },
      ce_partitionkey: text("Same as ce_subject and the record's key."),
      ce_aggregateversion: { type: 'string', pattern: '^[1-9][0-9]*$' },
      ce_correlationid: text('Shared by everything that one request caused.'),
      ce_causationid: text('The event that caused this one; absent if a request caused it.'),
      traceparent: text('W3C Trace Context, if the work was traced.'),
    },
  };
}
