import { serviceSettings } from '@atlas/service';
import type { z } from 'zod';
import context from '../context.json';

export const catalogSettings = serviceSettings({ port: context.processes.catalog.port });

export type CatalogSettings = z.infer<typeof catalogSettings>;
