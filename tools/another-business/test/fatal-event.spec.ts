import { createTestDatabase } from '@atlas/testing';
import { describeFatalEvent } from './fatal-event';

describeFatalEvent('the embedded log', async () => {
  const { url, drop } = await createTestDatabase();
  return { settings: { EVENT_LOG_URL: url }, drop };
});
