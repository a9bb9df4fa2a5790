import { catalogue } from '@atlas/contracts';
import { bootService } from '@atlas/service';
import { outboxRelayApp } from './outbox-relay.app';

void bootService(outboxRelayApp(catalogue, process.env['SERVICE']));
