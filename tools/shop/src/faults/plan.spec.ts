import { FAULT_KINDS, type FaultKind, isAlone, planOf, type Topology } from './plan';

const topology: Topology = {
  processes: ['loans', 'loans-relay', 'shelves'],
  engines: ['postgres'],
  contexts: ['loans', 'shelves'],
  owners: ['loans', 'shelves'],
  links: ['loans→database', 'loans→broker', 'client→loans'],
};

const told = (seed: number, count: number, among?: readonly FaultKind[]) =>
  planOf(seed, count, topology, among).map(
    ({ number, kind, target, durationMs, chance }) =>
      `${number} ${kind} ${target} ${durationMs} ${chance('more')}`,
  );

describe('The plan of a campaign', () => {
  it('follows from its seed', () => {
    expect(told(7, 300)).toEqual(told(7, 300));
    expect(told(8, 300)).not.toEqual(told(7, 300));
  });

  it('begins as a shorter one does', () => {
    expect(told(7, 300).slice(0, 40)).toEqual(told(7, 40));
  });

  it('has every kind, about as often as it is meant to, and every target', () => {
    const plan = planOf(3, 2_000, topology);
    const times = (kind: FaultKind) => plan.filter((fault) => fault.kind === kind).length;
    expect(FAULT_KINDS).toHaveLength(20);
    for (const kind of FAULT_KINDS) expect({ kind, times: times(kind) > 30 }).toEqual({ kind, times: true });
    expect(times('kill') / times('topic-reset')).toBeCloseTo(4, 0);
    expect(new Set(plan.filter(({ kind }) => kind === 'kill').map(({ target }) => target))).toEqual(
      new Set([...topology.processes, ...topology.engines]),
    );
    expect(
      new Set(plan.filter(({ kind }) => kind === 'network-one-way').map(({ target }) => target)),
    ).toEqual(new Set(topology.links.flatMap((link) => [`${link} there`, `${link} back`])));
  });

  it('lets each fault last as long as its kind does', () => {
    for (const { kind, durationMs } of planOf(5, 1_000, topology)) {
      const isMoment = durationMs === 0;
      expect({ kind, durationMs: durationMs < 4_001 }).toEqual({ kind, durationMs: true });
      if (isAlone(kind) || kind === 'kill') expect({ kind, isMoment }).toEqual({ kind, isMoment: true });
      if (kind.startsWith('network')) expect({ kind, isMoment }).toEqual({ kind, isMoment: false });
    }
  });

  it('is of the kinds that are asked for', () => {
    expect(new Set(planOf(1, 50, topology, ['poison', 'kill']).map(({ kind }) => kind))).toEqual(
      new Set(['poison', 'kill']),
    );
    expect(() => planOf(1, 50, topology, [])).toThrow('no kind of fault');
  });
});
