import type { ActiveFaults } from '../src/application/ports';
import { FaultPlan } from '../src/domain/fault-plan';

const at = new Date('2026-01-01T12:00:00.000Z');

export function activeFaultsContract(name: string, start: () => ActiveFaults): void {
  describe(`The active faults, ${name}`, () => {
    it('are none at first', () => {
      const faults = start();
      expect(faults.get().document.faults).toEqual([]);
      expect(faults.get().next('charge', at)).toEqual({ delayMs: 0 });
    });

    it('are those that were set last, with what they have injected so far', () => {
      const faults = start();
      const latency = { kind: 'latency', delayMs: 5, probability: 1, on: ['charge'] } as const;
      faults.set(FaultPlan.none(at));
      faults.set(new FaultPlan({ seed: 7, faults: [latency] }, at));
      expect(faults.get().next('charge', at)).toEqual({ delayMs: 5 });
      expect(faults.get().injected).toEqual([1]);
      faults.set(FaultPlan.none(at));
      expect(faults.get().injected).toEqual([]);
    });
  });
}
