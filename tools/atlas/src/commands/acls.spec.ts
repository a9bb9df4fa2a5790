import { aclsFor } from '@atlas/adapters/kafka';
import type { ContextDeclaration } from '@atlas/context';
import { logUses } from '../log-uses';

const context = (name: string, consumes: readonly string[]): ContextDeclaration => ({
  name,
  title: name,
  description: name,
  kind: 'context',
  topics: { publishes: `${name}.events`, consumes: [...consumes] },
  processes: { [name]: { port: 1 }, [`${name}-relay`]: { port: 2, app: 'outbox-relay' } },
  stores: ['eventLog'],
  environment: {},
  dependencies: [],
});
const relay: ContextDeclaration = {
  ...{
    name: 'outbox-relay',
    title: 'Relay',
    description: 'Publishes.',
    kind: 'relay',
    topics: {},
    processes: {},
  },
  ...{ stores: ['eventLog'], environment: {}, dependencies: [] },
};

describe('The ACLs', () => {
  it('follow from what the contexts declare: who publishes, who consumes, and who looks on', () => {
    const declarations = [context('lending', []), context('shelves', ['lending.events']), relay];

    const acls = logUses(declarations).flatMap((use) => aclsFor(use, 'staging.'));

    const create = '--operation Create';
    expect(acls).toEqual([
      `--add --allow-principal User:lending-relay ${create} --operation Write --operation DescribeConfigs --topic staging.lending.events`,
      '--add --allow-principal User:lending-relay --operation Read --topic staging.lending.events',
      `--add --allow-principal User:lending-relay ${create} --operation Read --operation Write --operation DescribeConfigs --topic staging.atlas.cursors.lending`,
      '--add --allow-principal User:lending-relay --operation Write --transactional-id staging.atlas-lending',
      '--add --allow-principal User:lending-relay --operation Describe --group staging.shelves',
      '--add --allow-principal User:shelves --operation Read --operation DescribeConfigs --topic staging.lending.events',
      '--add --allow-principal User:shelves --operation Read --group staging.shelves',
      `--add --allow-principal User:shelves-relay ${create} --operation Write --operation DescribeConfigs --topic staging.shelves.events`,
      '--add --allow-principal User:shelves-relay --operation Read --topic staging.shelves.events',
      `--add --allow-principal User:shelves-relay ${create} --operation Read --operation Write --operation DescribeConfigs --topic staging.atlas.cursors.shelves`,
      '--add --allow-principal User:shelves-relay --operation Write --transactional-id staging.atlas-shelves',
      '--add --allow-principal User:atlas --operation Read --topic staging.lending.events --topic staging.shelves.events',
      '--add --allow-principal User:atlas --operation Describe --group staging.shelves',
    ]);
  });
});
