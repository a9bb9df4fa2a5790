import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describeSettings, loadPolicies, type PolicyDeclaration } from './settings';

describe('The policy of a dependency', () => {
  const load = (declaration: unknown, env: Record<string, string> = {}) =>
    loadPolicies({ provider: declaration as PolicyDeclaration }, env).provider;

  it('has defaults for everything that is not declared', () => {
    expect(load({ retry: { maxAttempts: 7 }, breaker: false })).toMatchObject({
      deadline: { enabled: true, ms: 10_000 },
      retry: { enabled: true, maxAttempts: 7, budgetRatio: 0.2 },
      breaker: { enabled: false },
      timeout: { enabled: true, ms: 2_000 },
    });
  });

  it('is what the environment says, where that says something', () => {
    const env = {
      RESILIENCE_PROVIDER_RETRY_MAX_ATTEMPTS: '5',
      RESILIENCE_PROVIDER_RETRY_BUDGET_RATIO: '0.1',
      RESILIENCE_PROVIDER_BREAKER_ENABLED: 'false',
      RESILIENCE_PROVIDER_BREAKER_OPENS: 'sampling',
      RESILIENCE_PROVIDER_TIMEOUT_MS: '',
      HOME: '/home/someone',
    };
    expect(load({ retry: { maxAttempts: 7 }, timeout: { ms: 300 } }, env)).toMatchObject({
      retry: { maxAttempts: 5, budgetRatio: 0.1 },
      breaker: { enabled: false, opens: 'sampling' },
      timeout: { ms: 300 },
    });
  });

  it('has its name in capitals in the environment', () => {
    const env = { RESILIENCE_CARD_NETWORK_TIMEOUT_MS: '70' };
    expect(loadPolicies({ cardNetwork: {} }, env).cardNetwork.timeout.ms).toBe(70);
    expect(() => loadPolicies({ 'mail server': {} })).toThrow('use camel case, such as mailServer');
  });

  it.each([
    ['a negative number of attempts', { RETRY_MAX_ATTEMPTS: '-1' }, 'a whole number from 1 to 20'],
    ['half an attempt', { RETRY_MAX_ATTEMPTS: '1.5' }, 'a whole number from 1 to 20'],
    ['a word for a number', { TIMEOUT_MS: 'fast' }, 'milliseconds from 1 to 600000'],
    ['a share above one', { BREAKER_FAILURE_RATIO: '1.5' }, 'a number between 0 and 1'],
    ['an endless budget', { RETRY_BUDGET_RATIO: 'Infinity' }, 'a number from 0 to 1'],
    ['an unknown kind of breaker', { BREAKER_OPENS: 'often' }, 'consecutive or sampling'],
    ['neither yes nor no', { BREAKER_ENABLED: '2' }, 'true or false'],
  ])('refuses %s, with its name and what is allowed', (_case, override, allowed) => {
    const [[name, value]] = Object.entries(override) as [[string, string]];
    expect(() => load({}, { [`RESILIENCE_PROVIDER_${name}`]: value })).toThrow(
      new RegExp(
        `^resilience\\.provider\\.\\w+\\.\\w+ \\(RESILIENCE_PROVIDER_${name}\\) is wrong; .*${allowed}\\.$`,
      ),
    );
  });

  it('names all that is wrong together, also what is declared', () => {
    const declaration = { retry: { maxAttempts: 0, maxAttemps: 3 }, retries: {}, timeout: { ms: 0 } };
    expect(() => load(declaration, { RESILIENCE_PROVIDER_DEADLINE_MS: '-5' })).toThrow(
      [
        'resilience.provider.retries is no policy; there are deadline, bulkhead, retry, breaker, timeout.',
        'resilience.provider.deadline.ms (RESILIENCE_PROVIDER_DEADLINE_MS) is wrong; it is how long a call may take as a whole, waits and attempts: milliseconds from 1 to 600000.',
        'resilience.provider.retry.maxAttempts (RESILIENCE_PROVIDER_RETRY_MAX_ATTEMPTS) is wrong; it is attempts in total, including the first: a whole number from 1 to 20.',
        'resilience.provider.retry.maxAttemps is no setting; there are enabled, maxAttempts, initialDelayMs, maxDelayMs, budgetRatio, budgetPerSecond, budgetBurst.',
        'resilience.provider.timeout.ms (RESILIENCE_PROVIDER_TIMEOUT_MS) is wrong; it is how long one attempt may take: milliseconds from 1 to 600000.',
      ].join('\n'),
    );
  });

  it('refuses times that cannot go together', () => {
    expect(() => load({ timeout: { ms: 900 }, deadline: { ms: 800 } })).toThrow(
      'resilience.provider.timeout.ms (RESILIENCE_PROVIDER_TIMEOUT_MS) is 900, longer than resilience.provider.deadline.ms (RESILIENCE_PROVIDER_DEADLINE_MS), 800',
    );
    expect(() => load({ retry: { initialDelayMs: 900, maxDelayMs: 800 } })).toThrow('is 900, longer than');
    expect(load({ timeout: { ms: 900 }, deadline: false }).timeout.ms).toBe(900);
  });

  it('refuses a variable that is misspelt, and lists those there are', () => {
    const env = { RESILIENCE_PROVIDER_RETRY_MAX_ATTEMPS: '3' };
    expect(() => load({}, env)).toThrow(
      /^RESILIENCE_PROVIDER_RETRY_MAX_ATTEMPS is no setting of this service; it has .*RESILIENCE_PROVIDER_RETRY_MAX_ATTEMPTS, /,
    );
    expect(() => loadPolicies({}, { RESILIENCE_PROVIDER_TIMEOUT_MS: '3' })).toThrow(
      'has no dependencies of its own',
    );
  });
});

it('The page about policies has every setting', () => {
  const page = readFileSync(join(__dirname, '../../../../docs/resilience.md'), 'utf8');
  const rows = [...page.matchAll(/^\| `([a-z]+\.\w+)` +\| `([^`]+)` +\| (.+?) +\|$/gm)].map(
    ([, setting, fallback, meaning]) => ({ setting, fallback, meaning }),
  );
  expect(rows).toEqual(describeSettings());
});
