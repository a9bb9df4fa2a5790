import { createTestDatabase } from '@atlas/testing';
import { describeRestoredConsumer } from './restored-consumer';

describeRestoredConsumer('the embedded log', async () => {
  const { url, drop } = await createTestDatabase();
  return { settings: { EVENT_LOG_URL: url }, drop };
});
