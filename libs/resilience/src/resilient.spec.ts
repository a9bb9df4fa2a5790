import { Injectable, Module } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { DependencyError } from './errors';
import type { PolicyEvent } from './policy/events';
import { currentAttempt } from './policy/policy';
import { type Declarations, loadPolicies } from './policy/settings';
import { Resilience } from './resilience';
import { ResilienceModule } from './resilience.module';
import { connectResilience, Resilient } from './resilient';

abstract class Provider {
  abstract charge(key: string): Promise<string>;
}

/** Its first attempt fails, in a way that leaves open whether it has charged. */
class FlakyProvider extends Provider {
  readonly keys: string[] = [];

  @Resilient('provider', { idempotent: true })
  async charge(key: string): Promise<string> {
    return this.attempt(key);
  }

  @Resilient('provider')
  async chargeWithoutKey(): Promise<string> {
    return this.attempt('none');
  }

  private attempt(key: string): string {
    this.keys.push(key);
    const { number, signal } = currentAttempt();
    expect(signal.aborted).toBe(false);
    if (number === 1) throw new DependencyError('lost', { transient: true, mayHaveActed: true });
    return `charged at attempt ${number}`;
  }
}

@Injectable()
class Worker {
  constructor(readonly provider: Provider) {}
}

const declarations: Declarations = { provider: { retry: { initialDelayMs: 1, maxDelayMs: 1 } } };

async function start(policies: Declarations, env = {}) {
  // As modules of services have it: the adapter is wired by a factory and goes by its port's name.
  @Module({
    imports: [ResilienceModule.register(policies, env)],
    providers: [
      FlakyProvider,
      { provide: Provider, useExisting: FlakyProvider },
      { provide: Worker, useFactory: (provider: Provider) => new Worker(provider), inject: [Provider] },
    ],
  })
  class PaymentsModule {}

  const module = await Test.createTestingModule({ imports: [PaymentsModule] }).compile();
  return module.init();
}

describe("An adapter's method", () => {
  it('runs under the policy of its dependency', async () => {
    const app = await start(declarations);
    const events: PolicyEvent[] = [];
    app.get(Resilience).listen((event) => events.push(event));
    await expect(app.get(Worker).provider.charge('key-1')).resolves.toBe('charged at attempt 2');
    expect(app.get(FlakyProvider).keys).toEqual(['key-1', 'key-1']);
    expect(events.map(({ kind }) => kind)).toEqual(['attempt', 'retry', 'attempt', 'call']);
    await app.close();
  });

  it('is not repeated unless it is said to be idempotent', async () => {
    const app = await start(declarations);
    await expect(app.get(FlakyProvider).chargeWithoutKey()).rejects.toThrow('lost');
    await app.close();
  });

  it('keeps the service from starting if there is no such policy', async () => {
    await expect(start({ cache: {} })).rejects.toThrow(
      'There is no policy for "provider"; declared are: cache',
    );
  });

  it('keeps the service from starting if its settings are wrong', async () => {
    await expect(start(declarations, { RESILIENCE_PROVIDER_RETRY_MAX_ATTEMPTS: '-1' })).rejects.toThrow(
      'RESILIENCE_PROVIDER_RETRY_MAX_ATTEMPTS) is wrong',
    );
  });

  it('refuses to run without its policy', async () => {
    const provider = new FlakyProvider();
    await expect(provider.charge('key-1')).rejects.toThrow(
      'FlakyProvider.charge is @Resilient, yet nothing has connected it to its policies',
    );
    connectResilience(provider, new Resilience(loadPolicies(declarations)));
    await expect(provider.charge('key-1')).resolves.toBe('charged at attempt 2');
  });
});
