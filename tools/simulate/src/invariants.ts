import type { OutgoingRecord } from '@atlas/ports/adapters';
import type { Product } from '../../../apps/catalog/src/domain/product';
import type { Reservation } from '../../../apps/inventory/src/domain/reservation';
import type { StockItem } from '../../../apps/inventory/src/domain/stock-item';
import type { Order } from '../../../apps/orders/src/domain/order';
import type { Price } from '../../../apps/orders/src/domain/price';
import type { MemoryBooks } from '../../../apps/payment-provider/src/adapters/driven/memory/books.repository';
import type { LedgerTransaction } from '../../../apps/payments/src/domain/ledger';
import type { Payment } from '../../../apps/payments/src/domain/payment';
import type { SimulatedDatabase, SimulatedTransaction } from './database';
import type { Trace } from './trace';

/** What must hold at every moment, or at the end, does not. */
export class Violation extends Error {
  override readonly name = 'Violation';

  /** @param rule short, the same for all violations of it. */
  constructor(
    readonly rule: string,
    detail: string,
  ) {
    super(`${rule}: ${detail}`);
  }
}

/** From each status to those that may follow, in each context. `new` is before the first. */
const TRANSITIONS = {
  order: {
    new: ['placed'],
    placed: ['awaiting-payment', 'cancelled'],
    'awaiting-payment': ['confirmed', 'cancelled'],
    confirmed: ['cancelled'],
    cancelled: [],
  },
  reservation: {
    new: ['reserved', 'rejected'],
    reserved: ['committed', 'released', 'expired'],
    committed: ['released'],
    expired: ['committed', 'rejected'],
    released: [],
    rejected: [],
  },
  payment: {
    new: ['pending'],
    pending: ['captured', 'declined', 'failed', 'voided', 'refunding'],
    captured: ['refunding', 'refunded'],
    // A charge always counts, however late the provider makes it.
    declined: ['refunding'],
    failed: ['refunding'],
    voided: ['refunding'],
    refunding: ['refunded'],
    refunded: [],
  },
} as const;

type Kind = keyof typeof TRANSITIONS;

interface Ground {
  readonly databases: ReadonlyMap<string, SimulatedDatabase>;
  readonly books: MemoryBooks;
  /** The types that each service handles. */
  readonly handled: ReadonlyMap<string, ReadonlySet<string>>;
  readonly trace: Trace;
}

interface Published {
  readonly id: string;
  readonly type: string;
  readonly subject: string;
  readonly version: number;
}

/** Watches every commit, every publication and every movement of money. */
export class Invariants {
  /** Statuses that were reached, as `order cancelled`. */
  readonly reached = new Set<string>();
  /** Sources whose relay was sent back: their records may come again. */
  readonly rewound = new Set<string>();
  private readonly statuses = new Map<string, string>();
  private readonly committed = new Set<string>();
  private readonly seenRows = new Map<string, number>();
  private readonly published = new Map<string, Published>();
  private readonly versions = new Map<string, number>();
  /** By consumer and event: how often its handler's effects were committed. */
  private readonly effects = new Map<string, number>();
  private readonly handledVersions = new Map<string, number>();
  /** Every price that a product ever had, as `sku price`. */
  private readonly prices = new Set<string>();

  constructor(private readonly ground: Ground) {}

  /** @throws Violation */
  afterCommit(service: string, database: SimulatedDatabase, { effects }: SimulatedTransaction): void {
    this.noteEvents(service, database);
    for (const eventId of effects) this.noteEffect(service, eventId);
    this.checkLetters(service, database);
    if (service === 'catalog') this.notePrices(database);
    if (service === 'orders') this.checkOrders(database);
    if (service === 'inventory') this.checkStock(database);
    if (service === 'payments') this.checkPayments(database);
    this.checkCharges();
  }

  /** @throws Violation */
  afterAppend(source: string, records: readonly OutgoingRecord[]): void {
    for (const { key, headers } of records) {
      const event: Published = {
        id: headers['ce_id'] as string,
        type: headers['ce_type'] as string,
        subject: key,
        version: Number(headers['ce_aggregateversion']),
      };
      const name = `${event.type} ${event.version} of ${shortOf(event.subject)}`;
      if (!this.committed.has(event.id)) {
        throw new Violation('only committed events are published', name);
      }
      if (this.published.has(event.id)) {
        if (!this.rewound.has(source)) throw new Violation('an event is on the log once', name);
        this.ground.trace.add(`log: ${name}, again`);
        continue;
      }
      const stream = `${source} ${event.subject}`;
      const expected = (this.versions.get(stream) ?? 0) + 1;
      if (event.version !== expected) {
        throw new Violation('events are on the log in the order of versions', `${name}, not ${expected}`);
      }
      this.versions.set(stream, expected);
      this.published.set(event.id, event);
      this.ground.trace.add(`log: ${name}`);
    }
  }

  /** What is still open, or wrong now that it should be right. Empty: all is settled. */
  unsettled(): readonly string[] {
    return [...this.unpublished(), ...this.unhandled(), ...this.disagreements()];
  }

  private noteEvents(service: string, { outbox }: SimulatedDatabase): void {
    for (const { event } of outbox.slice(this.seenRows.get(service) ?? 0)) this.committed.add(event.id);
    this.seenRows.set(service, outbox.length);
  }

  private noteEffect(service: string, eventId: string): void {
    const event = this.published.get(eventId);
    if (!event) throw new Violation('only published events are handled', eventId);
    const effect = `${service} ${eventId}`;
    const name = `${event.type} ${event.version} of ${shortOf(event.subject)}`;
    const times = (this.effects.get(effect) ?? 0) + 1;
    this.effects.set(effect, times);
    if (times > 1)
      throw new Violation('an event takes effect once', `${service} has handled ${name} ${times} times`);
    const stream = `${service} ${event.type.split('.')[0]} ${event.subject}`;
    const last = this.handledVersions.get(stream) ?? 0;
    if (event.version < last) {
      throw new Violation(
        'events are handled in the order of versions',
        `${service} has handled ${name} after ${last}`,
      );
    }
    this.handledVersions.set(stream, event.version);
    this.ground.trace.add(`${service}: handled ${name}`);
  }

  private notePrices(database: SimulatedDatabase): void {
    for (const product of rowsOf<Product>(database, 'product')) {
      const { sku, price } = product.snapshot();
      this.prices.add(`${sku} ${price.toString()}`);
    }
  }

  private checkLetters(service: string, { deadLetters }: SimulatedDatabase): void {
    for (const { letter } of deadLetters.committed.values()) {
      throw new Violation('no event becomes a dead letter', `${service}: ${letter.kind}, ${letter.reason}`);
    }
  }

  private checkOrders(database: SimulatedDatabase): void {
    for (const order of rowsOf<Order>(database, 'order')) {
      const { status, history, version, reason, lines } = order.snapshot();
      const invented = lines.find(({ sku, unitPrice }) => !this.prices.has(`${sku} ${unitPrice.toString()}`));
      if (invented) {
        throw new Violation(
          'an order has prices that the catalog has set',
          `${invented.sku} for ${invented.unitPrice.toString()}`,
        );
      }
      const path = history.map((entry) => entry.status);
      const isLegal = path.every((each, index) => mayFollow('order', path[index - 1] ?? 'new', each));
      if (!isLegal || path.at(-1) !== status || version !== path.length) {
        throw new Violation(
          'an order moves along its transitions',
          `${path.join(' → ')}, version ${version}`,
        );
      }
      this.reach('order', order.id, status, reason);
    }
  }

  private checkStock(database: SimulatedDatabase): void {
    const claimed = new Map<string, number>();
    const sold = new Map<string, number>();
    for (const reservation of rowsOf<Reservation>(database, 'reservation')) {
      const { status, lines } = reservation.snapshot();
      this.reach('reservation', reservation.id, status);
      const counted = status === 'reserved' ? claimed : status === 'committed' ? sold : undefined;
      for (const { sku, quantity } of lines) counted?.set(sku, (counted.get(sku) ?? 0) + quantity);
    }
    for (const { sku, levels } of rowsOf<StockItem>(database, 'stock')) {
      const { received, available, reserved, sold: gone } = levels;
      const isRight =
        Math.min(available, reserved, gone) >= 0 &&
        received === available + reserved + gone &&
        reserved === (claimed.get(sku) ?? 0) &&
        gone === (sold.get(sku) ?? 0);
      if (isRight) continue;
      const levelsNow = JSON.stringify(levels);
      throw new Violation(
        'stock adds up',
        `${sku} is ${levelsNow}, the reservations claim ${claimed.get(sku) ?? 0} and have sold ${sold.get(sku) ?? 0}`,
      );
    }
  }

  private checkPayments(database: SimulatedDatabase): void {
    const ledger = database.table<LedgerTransaction>('ledger_transaction').committed;
    for (const payment of rowsOf<Payment>(database, 'payment')) {
      const { id, status, amount } = payment.snapshot();
      this.reach('payment', id, status);
      const due = status === 'captured' || status === 'refunding' ? amount.minorUnits : 0;
      const booked = bookedIn(ledger, id);
      if (booked !== due) {
        throw new Violation(
          'the ledger agrees with every payment',
          `${shortOf(id)} is ${status}, booked ${booked}`,
        );
      }
    }
  }

  private checkCharges(): void {
    const charged = new Set<string>();
    for (const { kind, reference } of this.ground.books.entries) {
      if (kind !== 'charge') continue;
      if (charged.has(reference)) throw new Violation('no order is charged twice', shortOf(reference));
      charged.add(reference);
    }
  }

  private reach(kind: Kind, id: string, status: string, reason = ''): void {
    const name = `${kind} ${id}`;
    const before = this.statuses.get(name) ?? 'new';
    if (before === status) return;
    if (!mayReach(kind, before, status)) {
      throw new Violation(
        `a ${kind} moves along its transitions`,
        `${shortOf(id)} from ${before} to ${status}`,
      );
    }
    this.statuses.set(name, status);
    this.reached.add(`${kind} ${status}`);
    this.ground.trace.add(`${kind} ${shortOf(id)} is ${status}${reason && `: ${reason}`}`);
  }

  private unpublished(): readonly string[] {
    const waiting = [...this.committed].filter((id) => !this.published.has(id)).length;
    return waiting > 0 ? [`${waiting} committed events are not on the log`] : [];
  }

  private unhandled(): readonly string[] {
    return [...this.ground.handled].flatMap(([service, types]) => {
      const missing = [...this.published.values()].filter(
        ({ id, type }) => types.has(type) && !this.effects.has(`${service} ${id}`),
      );
      const [first] = missing;
      return first
        ? [
            `${service} has not handled ${missing.length} events, such as ${first.type} of ${shortOf(first.subject)}`,
          ]
        : [];
    });
  }

  /** As `atlas audit` compares the contexts. */
  private disagreements(): readonly string[] {
    const { databases, books } = this.ground;
    const database = (service: string) => databases.get(service) as SimulatedDatabase;
    const reservations = byId(rowsOf<Reservation>(database('inventory'), 'reservation'));
    const payments = byId(rowsOf<Payment>(database('payments'), 'payment'));
    const ledger = database('payments').table<LedgerTransaction>('ledger_transaction').committed;
    const sold = new Map<string, number>();
    const wrong: string[] = [];
    for (const order of rowsOf<Order>(database('orders'), 'order')) {
      const { id, status, lines } = order.snapshot();
      const reservation = reservations.get(id)?.snapshot().status ?? 'missing';
      const payment = payments.get(id)?.snapshot().status ?? 'missing';
      if (!agrees(status, reservation, payment)) {
        wrong.push(
          `order ${shortOf(id)} is ${status}, its reservation ${reservation}, its payment ${payment}`,
        );
      }
      if (status === 'confirmed') for (const line of lines) add(sold, line.sku, line.quantity);
      const held = heldBy(books, id);
      const booked = bookedIn(ledger, id);
      if (held !== booked) {
        wrong.push(`order ${shortOf(id)}: the provider holds ${held}, the ledger ${booked}`);
      }
    }
    for (const { sku, levels } of rowsOf<StockItem>(database('inventory'), 'stock')) {
      if (levels.reserved !== 0 || levels.sold !== (sold.get(sku) ?? 0)) {
        wrong.push(`${sku} is ${JSON.stringify(levels)}, confirmed orders have ${sold.get(sku) ?? 0}`);
      }
    }
    const listed = rowsOf<Product>(database('catalog'), 'product')
      .map((product) => product.snapshot())
      .filter(({ status }) => status === 'listed');
    const known = [...database('orders').table<Price>('price').committed.values()];
    const [set, seen] = [
      listed.map(({ sku, price }) => `${sku} ${price.toString()}`),
      known.map(({ sku, unitPrice }) => `${sku} ${unitPrice.toString()}`),
    ].map((prices) => prices.sort().join());
    if (set !== seen) wrong.push(`the catalog has the prices ${set}, orders knows ${seen}`);
    return wrong;
  }
}

const nextOf = (kind: Kind, status: string): readonly string[] =>
  (TRANSITIONS[kind] as Readonly<Record<string, readonly string[]>>)[status] ?? [];

const mayFollow = (kind: Kind, from: string, to: string): boolean => nextOf(kind, from).includes(to);

/** One transaction may make several transitions. */
const mayReach = (kind: Kind, from: string, to: string): boolean =>
  nextOf(kind, from).some((next) => next === to || mayReach(kind, next, to));

function agrees(order: string, reservation: string, payment: string): boolean {
  if (order === 'confirmed') {
    return reservation === 'committed' && ['captured', 'refunded'].includes(payment);
  }
  return (
    order === 'cancelled' &&
    ['released', 'expired', 'rejected'].includes(reservation) &&
    ['declined', 'failed', 'voided', 'refunded', 'missing'].includes(payment)
  );
}

const rowsOf = <Aggregate>(database: SimulatedDatabase, table: string): Aggregate[] =>
  [...database.table<{ readonly aggregate: Aggregate }>(table).committed.values()].map(
    ({ aggregate }) => aggregate,
  );

const byId = <Aggregate extends { readonly id: string }>(aggregates: readonly Aggregate[]) =>
  new Map(aggregates.map((aggregate) => [aggregate.id, aggregate]));

function bookedIn(ledger: ReadonlyMap<string, LedgerTransaction>, paymentId: string): number {
  return ['capture', 'refund']
    .flatMap((kind) => ledger.get(`${paymentId}:${kind}`)?.entries ?? [])
    .filter(({ account }) => account === 'provider-clearing')
    .reduce((sum, { debit, credit }) => sum + debit - credit, 0);
}

const heldBy = ({ entries }: MemoryBooks, orderId: string): number =>
  entries
    .filter(({ reference }) => reference === orderId)
    .reduce((sum, { kind, amount }) => sum + (kind === 'charge' ? amount.minorUnits : -amount.minorUnits), 0);

const add = (counts: Map<string, number>, key: string, count: number): void => {
  counts.set(key, (counts.get(key) ?? 0) + count);
};

/** Ids count from 1, so their last digits say enough; a SKU says what it is. */
export const shortOf = (id: string): string =>
  id.length < 36 ? id : `#${Number.parseInt(id.split('-').at(-1) ?? '', 16)}`;
