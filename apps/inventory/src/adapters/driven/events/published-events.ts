import { StockCommitted, StockRejected, StockReleased, StockReserved } from '@atlas/contracts';
import type { NewEvent } from '@atlas/events';
import type { ReservationEvent } from '../../../domain/inventory-events';
import type { ReservationChange } from '../../../domain/reservation';
import type { ReservationLine } from '../../../domain/reservation-line';

/** Our events in the published language. */
export function publishedEvents({ next, events }: ReservationChange): NewEvent[] {
  const first = next.version - events.length + 1;
  return events.map((event, index) => ({
    ...published(next.id, event),
    subject: next.id,
    aggregateVersion: first + index,
  }));
}

function published(orderId: string, event: ReservationEvent): Pick<NewEvent, 'contract' | 'data'> {
  switch (event.type) {
    case 'stock-reserved':
      return { contract: StockReserved, data: { orderId, lines: event.lines.map(line) } };
    case 'stock-rejected':
      return { contract: StockRejected, data: { orderId, shortages: event.shortages } };
    case 'stock-committed':
      return { contract: StockCommitted, data: { orderId, lines: event.lines.map(line) } };
    case 'stock-released':
      return { contract: StockReleased, data: { orderId, lines: event.lines.map(line) } };
  }
}

const line = ({ sku, quantity }: ReservationLine) => ({ sku, quantity });
