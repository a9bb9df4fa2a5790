import { once } from 'node:events';
import { Controller, Get, Module } from '@nestjs/common';
import { bootService, serviceSettings } from '@atlas/service';

/** What the tests of a service's process run: it does as its requests say, and asks its parent when to go on. */
@Controller()
class Example {
  @Get('slow')
  async slow() {
    process.send?.('in hand');
    await once(process, 'message');
    return { done: true };
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
  graceMs: Number(process.env['GRACE_MS'] ?? 10_000),
});
