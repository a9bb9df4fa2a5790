import { once } from 'node:events';
import { Controller, Get, Logger, Module } from '@nestjs/common';
import { bootService, serviceSettings } from '../src';

/** What the tests of a service's process run: it does as its requests say, and asks its parent when to go on. */
@Controller()
class Example {
  private readonly logger = new Logger(Example.name);

  @Get('slow')
  async slow() {
    process.send?.('in hand');
    await once(process, 'message');
    return { done: true };
  }

  /** Fails as a query does that had an access token among its parameters. */
  @Get('query')
  query() {
    this.logger.log({ accessToken: 'secret-token', request: { accessToken: 'secret-token' } });
    const parameters = ['secret-token'];
    throw Object.assign(new Error('query failed'), { parameters, driverError: { parameters } });
  }

  @Get('throw')
  throw() {
    setImmediate(() => {
      throw new Error('a defect');
    });
  }

  @Get('reject')
  reject() {
    void Promise.reject(new Error('a defect'));
  }
}

@Module({ controllers: [Example] })
class ExampleModule {}

void bootService({
  name: 'example',
  settings: serviceSettings({ port: 0 }),
  module: () => ExampleModule,
  secrets: ['accessToken'],
  graceMs: Number(process.env['GRACE_MS'] ?? 10_000),
});
