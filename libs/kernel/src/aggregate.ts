/**
 * The result of an aggregate's transition: the new state and the domain events that happened, in order. The aggregate's
 * version counts its events, so consumers can detect duplicates and gaps. A transition that changes nothing returns the
 * same aggregate and no events.
 */
export interface Change<Aggregate, Event> {
  readonly next: Aggregate;
  readonly events: readonly Event[];
}

export const unchanged = <Aggregate>(aggregate: Aggregate): Change<Aggregate, never> => ({
  next: aggregate,
  events: [],
});

/** A change with a single event, as in most transitions. */
export const changed = <Aggregate, Event>(next: Aggregate, event: Event): Change<Aggregate, Event> => ({
  next,
  events: [event],
});
