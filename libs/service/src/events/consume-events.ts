import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { EventCatalogue } from '@atlas/events';
import { Attempts, DeadLetters, EventLog, Inbox, Positions, UnitOfWork } from '@atlas/ports/adapters';
import { DEFAULT_OUTBOX_RETENTION_HOURS } from '../config';
import type { Readiness } from '../health';
import type { BaseSettings } from '../service-definition';
import type { DeadLetterService } from './dead-letter.service';
import { EventLogServer } from './event-log-server';

/** Connects the service to the event log: its `@EventPattern` methods, dead letters and readiness. */
export function consumeEvents(
  app: NestFastifyApplication,
  { name, catalogue }: { readonly name: string; readonly catalogue: EventCatalogue },
  {
    INBOX_RETENTION_HOURS: inboxHours,
    OUTBOX_RETENTION_HOURS: outboxHours = DEFAULT_OUTBOX_RETENTION_HOURS,
    ON_LOG_GAP: onLogGap,
  }: Pick<BaseSettings, 'INBOX_RETENTION_HOURS' | 'OUTBOX_RETENTION_HOURS' | 'ON_LOG_GAP'>,
  readiness: Readiness,
  letters: DeadLetterService,
): void {
  const unitOfWork = app.get<UnitOfWork>(UnitOfWork);
  const inbox = app.get<Inbox>(Inbox);
  const deadLetters = app.get<DeadLetters>(DeadLetters);
  const positions = app.get<Positions>(Positions);
  const attempts = app.get<Attempts>(Attempts);
  const server = new EventLogServer(
    { eventLog: app.get<EventLog>(EventLog), unitOfWork, inbox, positions, deadLetters, attempts },
    {
      group: name,
      catalogue,
      outboxRetentionMs: outboxHours * 3_600_000,
      inboxRetentionMs: inboxHours === undefined ? undefined : inboxHours * 3_600_000,
      onLogGap,
    },
  );
  letters.connect({
    unitOfWork,
    inbox,
    deadLetters,
    redeliver: (record, event) => server.redeliver(record, event),
  });
  app.connectMicroservice({ strategy: server }, { inheritAppConfig: true });
  // Without the log, requests are still served and their events wait in the outbox: so this degrades and never fails.
  readiness.add('events', async (indicator) => {
    const partitions = server.assignment();
    if (!partitions)
      return indicator.degraded({ message: server.waitsFor ?? 'not a member of its consumer group yet' });
    const standingStill = server.standingStill();
    if (standingStill.length === 0) return indicator.up({ partitions });
    const message = `the log lacks what comes next in ${standingStill.join(', ')}: see docs/positions.md`;
    return indicator.degraded({ message, partitions });
  });
}
