import { PostgreSqlContainer } from '@testcontainers/postgresql';
import { backboneContract } from '@atlas/testing';
import { postgresBackbone } from './backbone.fixture';

backboneContract('PostgreSQL in a container', async () => {
  const container = await new PostgreSqlContainer('postgres:17').start();
  return postgresBackbone(container.getConnectionUri(), async () => {
    await container.stop();
  });
});
