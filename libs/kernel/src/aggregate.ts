/**
 * What a transition of an aggregate yields: the aggregate as it is afterwards and the domain events that
 * tell what happened, in order. The aggregate's version counts its events, so a reader of the events can
 * tell a duplicate from a gap. A transition that changes nothing yields the same aggregate and no events.
 */
export interface Change<Aggregate, Event> {
  readonly next: Aggregate;
  readonly events: readonly Event[];
}

export const unchanged = <Aggregate>(aggregate: Aggregate): Change<Aggregate, never> => ({
  next: aggregate,
  events: [],
});

/** A change with one event, which is what most transitions are. */
export const changed = <Aggregate, Event>(next: Aggregate, event: Event): Change<Aggregate, Event> => ({
  next,
  events: [event],
});
