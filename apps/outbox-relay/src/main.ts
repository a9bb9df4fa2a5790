import { bootService } from '@atlas/service';
import { outboxRelayApp } from './outbox-relay.app';

void bootService(outboxRelayApp(process.env['SERVICE']));
