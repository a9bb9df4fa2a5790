import { bootService } from '@atlas/service';
import { outboxRelayService } from './outbox-relay.service';

void bootService(outboxRelayService(process.env['SERVICE']));
