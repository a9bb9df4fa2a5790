import { Controller, type DynamicModule, Get, Header, HttpException, Module, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import {
  type HealthCheckResult,
  HealthCheckService,
  type HealthIndicatorResult,
  HealthIndicatorService,
  TerminusModule,
} from '@nestjs/terminus';
import type { FastifyReply } from 'fastify';
import { Audience } from './http/audience';

/** One check, in Terminus' terms: `(indicator) => indicator.up()`. */
export type ReadinessCheck = (
  indicator: ReturnType<HealthIndicatorService['check']>,
) => PromiseLike<HealthIndicatorResult>;

/** The conditions for this process to serve requests. */
export class Readiness {
  private readonly checks = new Map<string, ReadinessCheck>();
  private isLeaving = false;

  /** True once the process is shutting down: load balancers must send it no more requests. */
  get leaving(): boolean {
    return this.isLeaving;
  }

  leave(): void {
    this.isLeaving = true;
    this.add('process', async (indicator) => indicator.down({ message: 'stopping' }));
  }

  add(name: string, check: ReadinessCheck): void {
    this.checks.set(name, check);
  }

  entries(): readonly (readonly [string, ReadinessCheck])[] {
    return [...this.checks];
  }
}

/** Liveness says that the process runs and checks nothing else; readiness says that it can serve requests. */
@ApiTags('health')
@Audience('operator')
@Controller('health')
export class HealthController {
  constructor(
    private readonly health: HealthCheckService,
    private readonly indicators: HealthIndicatorService,
    private readonly readiness: Readiness,
  ) {}

  @Get('live')
  @Header('Cache-Control', 'no-store')
  @ApiOperation({ summary: 'Is the process alive?' })
  live(): { status: 'ok' } {
    return { status: 'ok' };
  }

  @Get('ready')
  @Header('Cache-Control', 'no-store')
  @ApiOperation({ summary: 'Can it serve requests?' })
  async ready(@Res({ passthrough: true }) reply: FastifyReply): Promise<HealthCheckResult> {
    try {
      return await this.health.check(
        this.readiness.entries().map(
          ([name, check]) =>
            async () =>
              check(this.indicators.check(name)),
        ),
      );
    } catch (error) {
      if (!(error instanceof HttpException)) throw error;
      void reply.status(error.getStatus());
      return error.getResponse() as HealthCheckResult;
    }
  }
}

@Module({})
export class HealthModule {
  static register(readiness: Readiness): DynamicModule {
    return {
      module: HealthModule,
      global: true,
      imports: [TerminusModule.forRoot({ logger: false })],
      controllers: [HealthController],
      providers: [{ provide: Readiness, useValue: readiness }],
      exports: [Readiness],
    };
  }
}
