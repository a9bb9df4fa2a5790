import type { EventEnvelope, NewEvent } from '@atlas/events';
import type { Change } from '@atlas/kernel';
import { currentFlow, spanWithin } from './flow';

/** Stores a use case's events in the same transaction as its changes. Nothing else publishes. */
export abstract class Outbox {
  /**
   * Adds events to the open unit of work, to be published in this order after it commits. The caller must hold the
   * aggregate's row lock (or have checked its version), so that an aggregate's events stay in order.
   * @throws Error if an event's data violates its contract.
   */
  abstract add(events: readonly NewEvent[]): Promise<void>;
}

/** Completes an event with its id, its time and its flow. */
export function envelopeOf<Data>(event: NewEvent<Data>, id: string, at: Date): EventEnvelope<Data> {
  const { contract, subject, aggregateVersion, data } = event;
  const flow = currentFlow();
  return {
    id,
    type: contract.type,
    schemaVersion: contract.version,
    source: contract.owner,
    subject,
    aggregateVersion,
    time: at.toISOString(),
    correlationId: flow?.correlationId ?? id,
    causationId: flow?.causationId,
    traceparent: flow?.traceparent ?? spanWithin(undefined),
    data,
  };
}

/**
 * Converts the domain events of a change to published events. `translate` maps each event to the published language;
 * the aggregate's version counts its events.
 */
export const publishedAs =
  <Aggregate extends { readonly id: string; readonly version: number }, Event>(
    translate: (event: Event, aggregate: Aggregate) => Pick<NewEvent, 'contract' | 'data'>,
  ) =>
  ({ next, events }: Change<Aggregate, Event>): readonly NewEvent[] =>
    events.map((event, index) => ({
      ...translate(event, next),
      subject: next.id,
      aggregateVersion: next.version - events.length + 1 + index,
    }));
