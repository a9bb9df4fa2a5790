import { createTestDatabase } from '@atlas/testing';
import { describeRestoredConsumer } from './restored-consumer';

describeRestoredConsumer('the embedded log', createTestDatabase);
