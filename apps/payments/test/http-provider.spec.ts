import { randomUUID } from 'node:crypto';
import { Money } from '@atlas/kernel';
import { loadPolicies, Resilience } from '@atlas/resilience';
import { eventually } from '@atlas/testing';
import { HttpPaymentProvider } from '../src/adapters/driven/provider/http-provider';
import { ProviderClient } from '../src/adapters/driven/provider/provider-client';
import { providerPolicies } from '../src/adapters/driven/provider/provider-policies';
import { ProviderProcess } from './provider-process';

const price = Money.of(487);
const ALWAYS = {};
const ONCE = { count: 1 };

/** The adapter and the real provider, which is a process with a database. */
describe('The provider over HTTP', () => {
  let books: ProviderProcess;
  let client: ProviderClient;
  let provider: HttpPaymentProvider;

  beforeAll(async () => {
    books = await ProviderProcess.start();
  });
  beforeEach(() => {
    client = new ProviderClient(books.url, 8);
    const policies = providerPolicies(400);
    const breaker = { failures: 3, openMs: 200 };
    provider = new HttpPaymentProvider(
      client,
      new Resilience(
        loadPolicies({
          provider: { ...policies.provider, breaker },
          providerReads: { ...policies.providerReads, breaker },
        }),
      ),
    );
  });
  afterEach(async () => {
    await client.close();
    await books.clearFaults();
  });
  afterAll(() => books?.end());

  const charge = (id: string, token = 'tok_approve') => provider.charge(id, price, token);

  it('charges a payment once, however often it is asked to', async () => {
    const id = randomUUID();
    const outcome = await charge(id);
    expect(outcome).toEqual({ kind: 'approved', chargeId: expect.stringMatching(/^ch_/) });
    for (let again = 0; again < 3; again++) expect(await charge(id)).toEqual(outcome);
    expect(await provider.lookup(id)).toEqual(outcome);
    expect(await books.chargesOf(id)).toHaveLength(1);
  });

  it('reports a declined charge, and that there is none', async () => {
    const id = randomUUID();
    expect(await provider.lookup(id)).toEqual({ kind: 'not-charged' });
    const declined = { kind: 'declined', reason: 'insufficient funds' };
    expect(await charge(id, 'tok_decline')).toEqual(declined);
    expect(await provider.lookup(id)).toEqual(declined);
  });

  it('treats a request that is refused for good as declined', async () => {
    const id = randomUUID();
    const outcome = await charge(id, 't'.repeat(300));
    expect(outcome).toMatchObject({ kind: 'declined', reason: expect.stringContaining('400') });
    expect(await books.chargesOf(id)).toEqual([]);
  });

  it('trusts the charge on record when the key was used with another amount', async () => {
    const id = randomUUID();
    const chargeId = await books.charge(id, id, 1);
    expect(await charge(id)).toEqual({ kind: 'approved', chargeId });
    expect(await books.chargesOf(id)).toHaveLength(1);
  });

  describe('charges once when the provider', () => {
    it.each([
      ['fails after it has charged', { kind: 'error-after', ...ALWAYS }],
      ['cuts the connection after it has charged', { kind: 'reset-after', ...ALWAYS }],
      ['charges and never answers', { kind: 'silence-after', ...ALWAYS }],
      ['sends its answer too slowly', { kind: 'slow-body', overMs: 5_000, ...ALWAYS }],
      ['is slow, but not too slow', { kind: 'latency', delayMs: { min: 10, max: 60 }, ...ALWAYS }],
      ['limits the rate for a moment', { kind: 'rate-limit', retryAfterSeconds: 0, ...ONCE }],
    ])('%s', async (_, fault) => {
      const id = randomUUID();
      await books.setFaults(fault);
      const outcome = await charge(id);
      expect(outcome.kind).toBe('approved');
      expect((await books.injected())[0]).toBeGreaterThan(0);
      await books.clearFaults();
      expect(await charge(id)).toEqual(outcome);
      expect(await books.chargesOf(id)).toHaveLength(1);
    });
  });

  describe('reports the outcome as unavailable, and charges once later, when the provider', () => {
    const failing: readonly (readonly [string, readonly object[], number])[] = [
      ['fails before it charges', [{ kind: 'error-before' }], 0],
      ['cuts the connection before it charges', [{ kind: 'reset-before' }], 0],
      ['limits the rate for long', [{ kind: 'rate-limit', retryAfterSeconds: 60 }], 0],
      [
        'fails after it has charged, and can not be asked',
        [{ kind: 'error-after', on: ['charge', 'read'] }],
        1,
      ],
      [
        'never answers after it has charged, and can not be asked',
        [{ kind: 'silence-after' }, { kind: 'reset-before', on: ['read'] }],
        1,
      ],
    ];
    it.each(failing)('%s', async (_, faults, charged) => {
      const id = randomUUID();
      await books.setFaults(...faults);
      expect(await charge(id)).toMatchObject({ kind: 'unavailable' });
      expect(await books.chargesOf(id)).toHaveLength(charged);
      await books.clearFaults();
      // Its circuit may have opened meanwhile.
      await eventually(async () => (await charge(id)).kind === 'approved');
      expect(await books.chargesOf(id)).toHaveLength(1);
    });

    it('processes another request with the same key', async () => {
      const id = randomUUID();
      const release = await books.workOn(id);
      expect(await charge(id)).toMatchObject({ kind: 'unavailable' });
      await release();
      expect((await charge(id)).kind).toBe('approved');
      expect(await books.chargesOf(id)).toHaveLength(1);
    });

    it('is gone', async () => {
      const id = randomUUID();
      await books.kill();
      expect(await charge(id)).toMatchObject({ kind: 'unavailable' });
      await books.startAgain();
      await eventually(async () => (await charge(id)).kind === 'approved');
      expect(await books.chargesOf(id)).toHaveLength(1);
    });

    it('hangs, and later continues with what it was sent', async () => {
      const id = randomUUID();
      books.signal('SIGSTOP');
      expect(await charge(id)).toMatchObject({ kind: 'unavailable' });
      books.signal('SIGCONT');
      await eventually(async () => (await charge(id)).kind === 'approved');
      expect(await books.chargesOf(id)).toHaveLength(1);
    });
  });

  it('passes on how long the provider asks not to be called', async () => {
    await books.setFaults({ kind: 'rate-limit', retryAfterSeconds: 60 });
    const outcome = await charge(randomUUID());
    expect(outcome).toMatchObject({ kind: 'unavailable', retryInMs: 60_000 });
  });

  it('distinguishes no answer from a failure, and no charge from an unknown outcome', async () => {
    const id = randomUUID();
    expect(await charge(id, 'tok_timeout')).toEqual({ kind: 'unknown' });
    expect(await provider.lookup(id)).toEqual({ kind: 'not-charged' });
  });

  it('does not guess about a charge that arrives after it was asked about', async () => {
    const id = randomUUID();
    await books.setFaults({ kind: 'latency', delayMs: 1_500, ...ONCE });
    expect(await charge(id)).toEqual({ kind: 'unknown' });
    const late = await eventually(async () => {
      const record = await provider.lookup(id);
      return record.kind === 'approved' && record;
    });
    expect(await charge(id)).toEqual(late);
    expect(await books.chargesOf(id)).toHaveLength(1);
  });

  describe('refunds a charge once when the provider', () => {
    it.each([
      ['behaves', { kind: 'latency', delayMs: 1 }],
      ['fails before it refunds', { kind: 'error-before', ...ONCE }],
      ['fails after it has refunded', { kind: 'error-after', ...ONCE }],
      ['cuts the connection before it refunds', { kind: 'reset-before', ...ONCE }],
      ['cuts the connection after it has refunded', { kind: 'reset-after', ...ONCE }],
      ['refunds and never answers', { kind: 'silence-after', ...ONCE }],
      ['sends its answer too slowly', { kind: 'slow-body', overMs: 5_000, ...ONCE }],
      ['limits the rate for a moment', { kind: 'rate-limit', retryAfterSeconds: 0, ...ONCE }],
    ])('%s', async (_, fault) => {
      const id = randomUUID();
      const chargeId = await books.charge(id, id, price.minorUnits);
      await books.setFaults({ ...fault, on: ['refund'] });
      const refund = await provider.refund(`${id}:refund`, chargeId);
      expect(await books.chargesOf(id)).toEqual([
        { id: chargeId, declined: null, refund_id: (refund as { refundId: string }).refundId },
      ]);
      expect((await books.injected())[0]).toBeGreaterThan(0);
      expect(await books.holds(id)).toBe(0);
    });
  });

  it('accepts a refund that someone else has made', async () => {
    const id = randomUUID();
    const chargeId = await books.charge(id, id, price.minorUnits);
    const theirs = await provider.refund('at-their-desk', chargeId);
    expect(await provider.refund(`${id}:refund`, chargeId)).toEqual(theirs);
    expect(await provider.refund('none', 'ch_none')).toMatchObject({ kind: 'declined' });
  });

  it('stops calling a provider that fails, and probes with one call whether it is back', async () => {
    expect(provider.capacity()).toBe(Infinity);
    await books.setFaults({ kind: 'error-before' });
    for (let sent = 0; sent < 3; sent++) await charge(randomUUID());
    expect(provider.capacity()).toBe(0);
    expect(await books.injected()).toEqual([3]);
    expect(await charge(randomUUID())).toMatchObject({ kind: 'unavailable' });
    expect(await books.injected()).toEqual([3]);
    await eventually(() => provider.capacity() === 1);
    await books.clearFaults();
    expect((await charge(randomUUID())).kind).toBe('approved');
    expect(provider.capacity()).toBe(Infinity);
  });
});
