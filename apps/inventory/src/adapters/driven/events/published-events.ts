import { StockCommitted, StockRejected, StockReleased, StockReserved } from '@atlas/contracts';
import type { NewEvent } from '@atlas/events';
import { publishedAs } from '@atlas/ports/adapters';
import type { Reservation } from '../../../domain/reservation';
import type { ReservationEvent } from '../../../domain/reservation-events';
import type { ReservationLine } from '../../../domain/reservation-line';

function translate(
  event: ReservationEvent,
  { id: orderId }: Reservation,
): Pick<NewEvent, 'contract' | 'data'> {
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

/** Translates the events of a change to the published language. */
export const published = publishedAs(translate);
