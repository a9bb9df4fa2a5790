import { setTimeout as sleep } from 'node:timers/promises';
import { sell } from '../assortment';
import { type AtlasClient, isSettled } from '../client';

const SKU = 'probe';
const UNITS = 1_000_000;
const POLL_MS = 100;
/** After this another order is placed. */
const PATIENCE_MS = 15_000;
const DEADLINE_MS = 180_000;

/** Finds out how long it takes until an order goes through. */
export class Probe {
  private count = 0;

  private constructor(
    private readonly client: AtlasClient,
    private readonly run: string,
  ) {}

  static async prepare(client: AtlasClient, run: string): Promise<Probe> {
    await sell(client, [{ sku: SKU, name: SKU, price: 100 }]);
    await client.setStock([{ sku: SKU, available: UNITS }]);
    return new Probe(client, run);
  }

  /**
   * Places an order now and again, since a single one may wait for a clock that was ahead when it was handled.
   * @returns milliseconds from now until one is confirmed.
   * @throws Error if none is.
   */
  async recovery(): Promise<number> {
    const began = performance.now();
    const deadline = began + DEADLINE_MS;
    let open: readonly string[] = [];
    for (let placedAt = -Infinity; performance.now() < deadline; await sleep(POLL_MS)) {
      if (open.length === 0 || performance.now() - placedAt > PATIENCE_MS) {
        placedAt = performance.now();
        open = [...open, await this.place()];
      }
      const orders = await Promise.all(open.map((id) => this.client.order(id)));
      if (orders.some(({ status }) => status === 'confirmed')) return performance.now() - began;
      open = orders.filter((order) => !isSettled(order)).map(({ id }) => id);
    }
    throw new Error(`No order was confirmed within ${DEADLINE_MS / 1_000} s`);
  }

  private async place(): Promise<string> {
    const { id } = await this.client.placeOrder(
      { customerId: this.run, lines: [{ sku: SKU, quantity: 1 }], paymentToken: 'tok_approve' },
      `${this.run}-${this.count++}`,
    );
    return id;
  }
}
