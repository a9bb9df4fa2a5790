import type { EventEnvelope, NewEvent } from '@atlas/events';
import type { Change } from '@atlas/kernel';
import { currentFlow, spanWithin } from './flow';

/** Where a use case's events go: the same transaction as its changes. Nothing else publishes. */
export abstract class Outbox {
  /**
   * Adds events to the open unit of work, to be published in this order after it commits. The caller must hold
   * the aggregate's row lock (or have checked its version), so that one aggregate's events are in order.
   * @throws Error if an event's data breaks its contract.
   */
  abstract add(events: readonly NewEvent[]): Promise<void>;
}

/** Completes an event with its id, its time and the flow of work that caused it. */
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
 * Turns the changes of an aggregate whose version counts its events into published events: `translate` says each event
 * in the published language.
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
