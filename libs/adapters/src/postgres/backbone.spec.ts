import { backboneContract, createTestDatabase } from '@atlas/testing';
import { postgresBackbone } from './backbone.fixture';

backboneContract('PostgreSQL', async () => {
  const database = await createTestDatabase();
  return postgresBackbone(database.url, () => database.drop());
});
