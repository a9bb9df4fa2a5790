import { Test } from '@nestjs/testing';
import { DependencyError } from './errors';
import type { PolicyEvent } from './policy/events';
import type { Declarations } from './policy/settings';
import { Resilience } from './resilience';
import { ResilienceModule } from './resilience.module';

/** An adapter whose first attempt fails, in a way that leaves open whether it has charged. */
class FlakyProvider {
  constructor(private readonly resilience: Resilience) {}

  charge(idempotent: boolean): Promise<string> {
    return this.resilience.policy('provider').execute(
      ({ number, signal }) => {
        expect(signal.aborted).toBe(false);
        if (number === 1) throw new DependencyError('lost', { transient: true, mayHaveActed: true });
        return `charged at attempt ${number}`;
      },
      { idempotent },
    );
  }
}

const declarations: Declarations = { provider: { retry: { initialDelayMs: 1, maxDelayMs: 1 } } };

async function start(policies: Declarations, env = {}) {
  const provider = {
    provide: FlakyProvider,
    inject: [Resilience],
    useFactory: (resilience: Resilience) => new FlakyProvider(resilience),
  };
  const imports = [ResilienceModule.register(policies, env)];
  const module = await Test.createTestingModule({ imports, providers: [provider] }).compile();
  return module.init();
}

describe('An adapter', () => {
  it('calls its dependency under the policy that the module declares', async () => {
    const app = await start(declarations);
    const events: PolicyEvent[] = [];
    app.get(Resilience).listen((event) => events.push(event));
    await expect(app.get(FlakyProvider).charge(true)).resolves.toBe('charged at attempt 2');
    expect(events.map(({ kind }) => kind)).toEqual(['attempt', 'retry', 'attempt', 'call']);
    await app.close();
  });

  it('repeats nothing that is not idempotent', async () => {
    const app = await start(declarations);
    await expect(app.get(FlakyProvider).charge(false)).rejects.toThrow('lost');
    await app.close();
  });

  it('is told which policies there are when it names another', async () => {
    const app = await start({ cache: {} });
    expect(() => app.get(FlakyProvider).charge(true)).toThrow(
      'There is no policy for "provider"; declared: cache',
    );
    await app.close();
  });

  it('keeps the service from starting if its settings are wrong', async () => {
    await expect(start(declarations, { RESILIENCE_PROVIDER_RETRY_MAX_ATTEMPTS: '-1' })).rejects.toThrow(
      'RESILIENCE_PROVIDER_RETRY_MAX_ATTEMPTS) is wrong',
    );
  });
});
