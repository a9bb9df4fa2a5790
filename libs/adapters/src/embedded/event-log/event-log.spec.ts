import { createTestDatabase, eventLogContract } from '@atlas/testing';
import { EmbeddedEventLog } from './event-log';

eventLogContract('the embedded event log', async () => {
  const database = await createTestDatabase();
  return {
    connect: (onError) => EmbeddedEventLog.open(database.url, { onError }),
    drop: () => database.drop(),
  };
});
