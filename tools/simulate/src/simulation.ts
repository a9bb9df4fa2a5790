import { Logger } from '@nestjs/common';
import { Money } from '@atlas/kernel';
import { PutCategory } from '../../../apps/catalog/src/application/commands/put-category';
import { PutProduct } from '../../../apps/catalog/src/application/commands/put-product';
import { RetireProduct } from '../../../apps/catalog/src/application/commands/retire-product';
import type { Expectation } from '../../../apps/catalog/src/domain/expectation';
import { SetStock } from '../../../apps/inventory/src/application/commands/set-stock';
import { CancelOrder } from '../../../apps/orders/src/application/commands/cancel-order';
import { PlaceOrder } from '../../../apps/orders/src/application/commands/place-order';
import { RefundCharge } from '../../../apps/payment-provider/src/application/commands/refund-charge';
import { ListCharges } from '../../../apps/payment-provider/src/application/queries/list-charges';
import { RefundPayment } from '../../../apps/payments/src/application/commands/refund-payment';
import { Violation } from './invariants';
import { type Action, CALM_AT, DrawnFate, type Fate, type Outage, type Plan, RepeatedFate } from './plan';
import { Trace } from './trace';
import { VirtualTime } from './virtual-time';
import { CAST, type Parts, REAL_PARTS, World } from './world';

/** What a run has shown. */
export interface Outcome {
  readonly violation: Violation | undefined;
  /** All that was drawn for it: with it, the run can be repeated. */
  readonly plan: Plan;
  readonly trace: readonly string[];
  /** The same for two runs in which the same steps happened at the same times. */
  readonly digest: string;
  readonly steps: number;
  /** How long the run took in its own time, milliseconds. */
  readonly virtualMs: number;
  /** By kind: outages, mishaps of steps, and delays. */
  readonly faults: ReadonlyMap<string, number>;
  /** Statuses that were reached, as `order cancelled`. */
  readonly reached: ReadonlySet<string>;
  /** The use cases that ran, by the names of their classes. */
  readonly executed: ReadonlySet<string>;
}

const CATEGORY = 'goods';
const GOODS = {
  title: 'Goods',
  schema: { type: 'object', properties: {}, additionalProperties: false },
} as const;
const SKUS = ['coffee', 'mug', 'tea'];
/** The shop is stocked before the first customer comes, milliseconds. */
const OPENING_MS = 500;
const SLOW_STEP_MS = 20;
/** How often it looks whether all is settled, milliseconds. */
const LOOK_EVERY_MS = 100;
/** All must be settled this long after the last fault: deadlines, leases and backoffs have passed by then. */
const SETTLED_WITHIN_MS = 60_000;
/** What is settled must stay so: a request to the provider may still be on its way, milliseconds. */
const STAYS_MS = 4_000;
/** A customer whose request fails tries again, but never a second order. */
const CUSTOMER_RETRY_MS = 300;

/** Draws the seed's plan and runs it. */
export const simulateSeed = (seed: number, parts: Parts = REAL_PARTS): Promise<Outcome> =>
  simulate(new DrawnFate(seed, CAST), parts);

/** Runs a plan again. */
export const simulatePlan = (plan: Plan, parts: Parts = REAL_PARTS): Promise<Outcome> =>
  simulate(new RepeatedFate(plan), parts);

async function simulate(fate: Fate, parts: Parts): Promise<Outcome> {
  Logger.overrideLogger(false);
  const time = new VirtualTime();
  try {
    return await new Run(new World(time, new Trace(), fate, parts)).result();
  } finally {
    time.uninstall();
  }
}

/** What a process of a service has. */
type Get = <T>(token: new (...args: never[]) => T) => T;

class Run {
  private readonly orders = new Map<number, string>();
  private settledAt: number | undefined;
  /** Nothing of the plan happens later, except delays. */
  private readonly lastAt: number;
  private isOver = false;
  private readonly outages = new Map<string, number>();

  constructor(private readonly world: World) {
    const { actions, outages } = world.fate.plan;
    this.lastAt = Math.max(
      OPENING_MS,
      ...actions.map(({ at }) => at + OPENING_MS),
      ...outages.map(({ at, forMs }) => at + OPENING_MS + forMs),
    );
  }

  async result(): Promise<Outcome> {
    const { world } = this;
    const { time, trace, fate, invariants } = world;
    const { plan } = fate;
    for (const name of [...CAST.processes, ...CAST.relays]) world.start(name);
    this.stockShop();
    for (const action of plan.actions) this.later(action.at, () => this.act(action));
    for (const outage of plan.outages) this.later(outage.at, () => this.fail(outage));
    time.after(LOOK_EVERY_MS, undefined, () => this.look());
    await time.run(() => this.isOver || world.violation !== undefined);
    if (world.violation) trace.add(`VIOLATION ${world.violation.message}`);
    return {
      violation: world.violation,
      plan,
      trace: trace.lines,
      digest: trace.digest(),
      steps: trace.steps,
      virtualMs: time.now,
      faults: this.faults(),
      reached: invariants.reached,
      executed: world.executed,
    };
  }

  private later(at: number, callback: () => void): void {
    this.world.time.after(OPENING_MS + at, undefined, callback);
  }

  private stockShop(): void {
    const { stock } = this.world.fate.plan;
    this.ask('catalog', async (get) => {
      await get(PutCategory).execute({ name: CATEGORY, draft: GOODS, expected: 'nothing' });
      for (const [index, sku] of SKUS.entries()) await this.list(get, sku, 100 * (index + 1), 'nothing');
    });
    this.ask('inventory', (get) =>
      get(SetStock).execute(SKUS.map((sku, index) => ({ sku, available: stock[index] ?? 0 }))),
    );
  }

  private act(action: Action): void {
    const { kind, subject } = action;
    const order = this.orders.get(subject);
    switch (kind) {
      case 'place':
        return this.place(action);
      case 'cancel':
        if (order !== undefined) this.ask('orders', (get) => get(CancelOrder).execute(order));
        return;
      case 'refund':
        if (order !== undefined) this.ask('payments', (get) => get(RefundPayment).execute(order));
        return;
      case 'refund elsewhere':
        void this.refundElsewhere(order);
        return;
      case 'restock':
        return this.ask('inventory', (get) =>
          get(SetStock).execute([{ sku: SKUS[subject] as string, available: 5 }]),
        );
      case 'reprice':
        return this.ask('catalog', (get) =>
          this.list(get, SKUS[subject] as string, action.price ?? 0, 'anything'),
        );
      case 'retire':
        return this.ask('catalog', (get) => get(RetireProduct).execute(SKUS[subject] as string, 'anything'));
    }
  }

  /** A refusal is an answer, too: what is not there yet is not repriced. */
  private async list(get: Get, sku: string, minorUnits: number, expected: Expectation): Promise<void> {
    const draft = { category: CATEGORY, name: sku, description: '', attributes: {} };
    await get(PutProduct).execute({ sku, draft: { ...draft, price: Money.of(minorUnits) }, expected });
  }

  private async refundElsewhere(order: string | undefined): Promise<void> {
    const { app } = this.world.provider;
    const charges = order === undefined ? [] : await app.get<ListCharges>(ListCharges).execute(order);
    for (const { id } of charges) {
      await app.get<RefundCharge>(RefundCharge).execute({ key: `staff ${id}`, chargeId: id });
    }
  }

  /** An order whose answer is lost is not placed again: it would be another one. */
  private place({ subject, card = '', quantities = [] }: Action): void {
    const lines = SKUS.flatMap((sku, index) => {
      const quantity = quantities[index] ?? 0;
      return quantity > 0 ? [{ sku, quantity }] : [];
    });
    let hasAsked = false;
    this.ask('orders', async (get) => {
      if (hasAsked) return;
      hasAsked = true;
      const placed = await get(PlaceOrder).execute({ customerId: 'ada', lines, paymentToken: card });
      if (placed.ok) this.orders.set(subject, placed.value.id);
      // Something has no price yet, or no more: the customer waits.
      else hasAsked = this.world.time.now > CALM_AT;
      if (!placed.ok && !hasAsked) throw new Error('not for sale');
    });
  }

  /** Has a process of the service run a command, and repeats it until it succeeds. */
  private ask(service: string, command: (get: Get) => Promise<unknown>): void {
    const { world } = this;
    const again = () => world.time.after(CUSTOMER_RETRY_MS, undefined, () => this.ask(service, command));
    const running = world.anyOf(service);
    if (!running) return again();
    const { process, container } = running;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    process.onDeath(() => resolve(false));
    world.time.after(0, process, () => {
      command((token) => container.get(token)).then(
        () => resolve(true),
        () => resolve(false),
      );
    });
    void promise.then((isDone) => {
      if (!isDone) again();
    });
  }

  private fail(outage: Outage): void {
    const { world } = this;
    const { kind, target, forMs } = outage;
    this.outages.set(kind, (this.outages.get(kind) ?? 0) + 1);
    world.trace.add(`! ${kind}: ${target}${NO_DURATION.has(kind) ? '' : `, for ${forMs} ms`}`);
    const database = world.databases.get(target);
    const running = world.running.get(target);
    const afterwards = (end: () => void) => world.time.after(forMs, undefined, end);
    switch (kind) {
      case 'database away':
        database?.goAway();
        return afterwards(() => {
          if (database) database.isAway = false;
        });
      case 'log away':
        world.broker.isAway = true;
        return afterwards(() => (world.broker.isAway = false));
      case 'provider away':
        world.provider.isAway = true;
        return afterwards(() => (world.provider.isAway = false));
      case 'slow process':
        if (!running) return;
        running.process.stepMs = SLOW_STEP_MS;
        return afterwards(() => (running.process.stepMs = 1));
      case 'clock wrong':
        world.skews.set(target, forMs - 2_000);
        return;
      case 'relay deposed':
        if (database) database.owner = undefined;
        return;
      case 'published again':
        return world.rewind(target, (forMs % 5) + 1);
      case 'member expelled':
        running?.log.expel();
        return;
      case 'restart':
        return world.restart(target, forMs);
      case 'kill':
        if (running) world.kill(running.process, forMs);
        return;
    }
  }

  private look(): void {
    const { time, invariants } = this.world;
    const unsettled = time.now < this.lastAt ? ['the plan goes on'] : invariants.unsettled();
    if (unsettled.length > 0) this.settledAt = undefined;
    else this.settledAt ??= time.now;
    if (this.settledAt !== undefined && time.now - this.settledAt >= STAYS_MS) this.isOver = true;
    else if (unsettled.length > 0 && time.now > Math.max(CALM_AT, this.lastAt) + SETTLED_WITHIN_MS) {
      this.world.check(() => {
        throw new Violation('everything settles', unsettled.join('; '));
      });
    } else time.after(LOOK_EVERY_MS, undefined, () => this.look());
  }

  private faults(): ReadonlyMap<string, number> {
    const faults = new Map(this.outages);
    for (const { delayMs, mishap } of this.world.fate.plan.deviations) {
      if (mishap) faults.set(mishap, (faults.get(mishap) ?? 0) + 1);
      if (delayMs > 0) faults.set('delay', (faults.get('delay') ?? 0) + 1);
    }
    return faults;
  }
}

/** Faults that happen at one moment. */
const NO_DURATION: ReadonlySet<string> = new Set([
  'clock wrong',
  'relay deposed',
  'published again',
  'member expelled',
]);
