import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { EventCatalogue } from '@atlas/events';
import { Attempts, DeadLetters, EventLog, Inbox, Positions, UnitOfWork } from '@atlas/ports/adapters';
import { DEFAULT_OUTBOX_RETENTION_HOURS } from '../config';
import type { Readiness } from '../health';
import type { ConsumerSettings } from '../service-definition';
import { DEFAULT_MAX_OPEN_LETTERS } from './batch-processor';
import type { DeadLetterService } from './dead-letter.service';
import { sampled } from '../telemetry/sampled';
import { EventLogServer } from './event-log-server';

/** Connects the service to the event log: its `@EventPattern` methods, dead letters and readiness. */
export function consumeEvents(
  app: NestFastifyApplication,
  { name, catalogue }: { readonly name: string; readonly catalogue: EventCatalogue },
  settings: Partial<ConsumerSettings>,
  readiness: Readiness,
  letters: DeadLetterService,
): void {
  const unitOfWork = app.get<UnitOfWork>(UnitOfWork);
  const inbox = app.get<Inbox>(Inbox);
  const deadLetters = app.get<DeadLetters>(DeadLetters);
  const positions = app.get<Positions>(Positions);
  const attempts = app.get<Attempts>(Attempts);
  const maxOpenLetters = settings.DEAD_LETTERS_MAX ?? DEFAULT_MAX_OPEN_LETTERS;
  const server = new EventLogServer(
    { eventLog: app.get<EventLog>(EventLog), unitOfWork, inbox, positions, deadLetters, attempts },
    {
      group: name,
      catalogue,
      outboxRetentionMs: milliseconds(settings.OUTBOX_RETENTION_HOURS ?? DEFAULT_OUTBOX_RETENTION_HOURS),
      inboxRetentionMs: milliseconds(settings.INBOX_RETENTION_HOURS),
      deadLetterRetentionMs: milliseconds(settings.DEAD_LETTER_RETENTION_HOURS),
      maxOpenLetters,
      unitTimeoutMs: settings.EVENT_TIMEOUT_MS,
      onLogGap: settings.ON_LOG_GAP,
    },
  );
  letters.connect({ unitOfWork, inbox, deadLetters, batches: server.batches });
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
  const countOpen = sampled(COUNT_EVERY_MS, () => deadLetters.countOpen(name, maxOpenLetters));
  readiness.add('dead letters', async (indicator) => {
    const open = await countOpen();
    if (open === undefined || open < maxOpenLetters) return indicator.up({ open });
    const message = `${open} are open, as many as DEAD_LETTERS_MAX allows: partitions stand still that would add one`;
    return indicator.degraded({ message, open });
  });
}

/** A probe must not cost a query each time. */
const COUNT_EVERY_MS = 2_000;

const milliseconds = (hours: number | undefined): number | undefined =>
  hours === undefined ? undefined : hours * 3_600_000;
