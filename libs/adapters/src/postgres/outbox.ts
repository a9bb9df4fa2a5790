import { encodeEvent, type NewEvent, topicOf } from '@atlas/events';
import { envelopeOf, Outbox } from '@atlas/ports/adapters';
import type { Clock, IdGenerator } from '@atlas/ports/application';
import { metrics } from '@opentelemetry/api';
import type { PostgresUnitOfWork } from './unit-of-work';

interface OutboxRow {
  readonly type: string;
  readonly eventId: string;
  readonly topic: string;
  readonly aggregateId: string;
  readonly aggregateVersion: number;
  readonly headers: string;
  readonly payload: Buffer;
}

/**
 * Collects the events of a unit of work and writes them in one statement just before it commits. Their aggregates are
 * still locked then, so ids grow with each aggregate's versions, as the relay requires.
 */
export class PostgresOutbox extends Outbox {
  private readonly committed = metrics.getMeter('atlas.outbox').createCounter('atlas.outbox.events', {
    unit: '{event}',
    description: 'Committed events, by type',
  });

  constructor(
    private readonly unitOfWork: PostgresUnitOfWork,
    private readonly clock: Clock,
    private readonly ids: IdGenerator,
  ) {
    super();
  }

  async add(events: readonly NewEvent[]): Promise<void> {
    if (events.length === 0) return;
    const rows = events.map((event) => this.toRow(event));
    this.unitOfWork.local(this, () => this.begin()).push(...rows);
  }

  private begin(): OutboxRow[] {
    const waiting: OutboxRow[] = [];
    this.unitOfWork.beforeCommit(() => this.insert(waiting.splice(0)));
    return waiting;
  }

  private toRow(event: NewEvent): OutboxRow {
    const { contract, subject, aggregateVersion } = event;
    const id = this.ids.next();
    const envelope = envelopeOf(event, id, this.clock.now());
    const { headers, value } = encodeEvent(contract, envelope);
    return {
      type: contract.type,
      eventId: id,
      topic: topicOf(contract.owner),
      aggregateId: subject,
      aggregateVersion,
      headers: JSON.stringify(headers),
      payload: value,
    };
  }

  private async insert(rows: readonly OutboxRow[]): Promise<boolean> {
    if (rows.length === 0) return false;
    await this.unitOfWork.manager.query(
      `INSERT INTO outbox (event_id, topic, aggregate_id, aggregate_version, headers, payload)
       SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::integer[], $5::jsonb[], $6::bytea[])`,
      [
        rows.map((row) => row.eventId),
        rows.map((row) => row.topic),
        rows.map((row) => row.aggregateId),
        rows.map((row) => row.aggregateVersion),
        rows.map((row) => row.headers),
        rows.map((row) => row.payload),
      ],
    );
    this.unitOfWork.afterCommit(() => rows.forEach(({ type }) => this.committed.add(1, { type })));
    return true;
  }
}
