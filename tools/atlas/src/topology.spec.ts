import { processes } from './topology';

const VARIABLE = 'RESILIENCE_PROVIDER_READS_TIMEOUT_MS';

describe('The environment of a process', () => {
  afterEach(() => {
    delete process.env[VARIABLE];
    delete process.env['RESILIENCE_PROVIDR_TIMEOUT_MS'];
  });

  const environmentOf = (name: string) => ({
    ...process.env,
    ...processes(new Map(), () => 'postgres://localhost', {}).find((each) => each.name === name)?.env,
  });

  it('has the settings of its own dependencies, and not those of others', async () => {
    const { loadPolicies } = await import('@atlas/resilience');
    process.env[VARIABLE] = '70';
    const policies = loadPolicies({ provider: {}, providerReads: {} }, environmentOf('payments'));
    expect(policies.providerReads.timeout.ms).toBe(70);
    expect(loadPolicies({}, environmentOf('payments-relay'))).toEqual({});
    expect(loadPolicies({}, environmentOf('orders'))).toEqual({});
  });

  it('keeps a misspelt setting, which every process refuses', async () => {
    const { loadPolicies } = await import('@atlas/resilience');
    process.env['RESILIENCE_PROVIDR_TIMEOUT_MS'] = '70';
    expect(() => loadPolicies({}, environmentOf('orders'))).toThrow('RESILIENCE_PROVIDR_TIMEOUT_MS');
  });
});
