import { setTimeout as sleep } from 'node:timers/promises';
import { type AtlasClient, isSettled } from '../client';

const SKU = 'probe';
const UNITS = 1_000_000;
const POLL_MS = 100;
const DEADLINE_MS = 180_000;

/** Finds out how long it takes until an order goes through. */
export class Probe {
  private count = 0;

  private constructor(
    private readonly client: AtlasClient,
    private readonly run: string,
  ) {}

  static async prepare(client: AtlasClient, run: string): Promise<Probe> {
    await client.setPrices([{ sku: SKU, name: SKU, unitPrice: { minorUnits: 100, currency: 'EUR' } }]);
    await client.setStock([{ sku: SKU, available: UNITS }]);
    return new Probe(client, run);
  }

  /** @returns milliseconds from now until an order is confirmed that is placed from now on. @throws Error if none is. */
  async recovery(): Promise<number> {
    const began = performance.now();
    const deadline = began + DEADLINE_MS;
    while (performance.now() < deadline) {
      const key = `${this.run}-${this.count++}`;
      const { id } = await this.client.placeOrder(
        { customerId: this.run, lines: [{ sku: SKU, quantity: 1 }], paymentToken: 'tok_approve' },
        key,
      );
      let order = await this.client.order(id);
      while (!isSettled(order) && performance.now() < deadline) {
        await sleep(POLL_MS);
        order = await this.client.order(id);
      }
      if (order.status === 'confirmed') return performance.now() - began;
    }
    throw new Error(`No order was confirmed within ${DEADLINE_MS / 1_000} s`);
  }
}
