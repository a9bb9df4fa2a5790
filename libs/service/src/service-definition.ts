import type { DynamicModule, INestApplicationContext, Type } from '@nestjs/common';
import type { EventCatalogue } from '@atlas/events';
import type { z } from 'zod';
import type { ServiceSettings } from './config';
import type { LimitSettings } from './http/load-shedding';

/** What distinguishes one service from another. */
export interface ServiceDefinition<Shape extends z.ZodRawShape> {
  /** Also the consumer group. */
  readonly name: string;
  /** The title of its API pages. Default: the name. */
  readonly title?: string;
  readonly description?: string;
  readonly settings: z.ZodObject<Shape>;
  /** The composition root. */
  readonly module: (settings: z.infer<z.ZodObject<Shape>>) => DynamicModule | Type;
  /**
   * The events that it may consume, if its controllers have `@EventPattern` methods. Its container must then provide the
   * ports of the backbone.
   */
  readonly events?: EventCatalogue;
  /** Names of fields that must never reach a log, such as `accessToken`. */
  readonly secrets?: readonly string[];
  /** How long open requests and the current batch may take to finish at shutdown, milliseconds. Default 10,000. */
  readonly graceMs?: number;
  /** By name, what it needs to serve requests: a check that rejects or takes longer than 2 s makes it unready. */
  readonly readiness?: Readonly<Record<string, (app: INestApplicationContext) => Promise<unknown>>>;
}

/** The settings of a service's consumer. */
export type ConsumerSettings = Pick<
  ServiceSettings,
  | 'INBOX_RETENTION_HOURS'
  | 'OUTBOX_RETENTION_HOURS'
  | 'ON_LOG_GAP'
  | 'DEAD_LETTER_RETENTION_HOURS'
  | 'DEAD_LETTERS_MAX'
  | 'EVENT_TIMEOUT_MS'
>;

/** The settings that createService itself needs; all but the first three may be missing. */
export type BaseSettings = Pick<ServiceSettings, 'HOST' | 'PORT' | 'LOG_LEVEL'> &
  Partial<Pick<ServiceSettings, 'DRAIN_MS'> & ConsumerSettings> &
  Partial<LimitSettings>;

/** A service's settings include these; its generic shape can't say so. */
export const baseOf = (settings: unknown) => settings as BaseSettings;
