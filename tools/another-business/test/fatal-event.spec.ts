import { createTestDatabase } from '@atlas/testing';
import { describeFatalEvent } from './fatal-event';

describeFatalEvent('the embedded log', createTestDatabase);
