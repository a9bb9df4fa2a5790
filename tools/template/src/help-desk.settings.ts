import { serviceSettings } from '@atlas/service';
import type { z } from 'zod';
import context from '../context.json';

export const helpDeskSettings = serviceSettings({ port: context.processes['help-desk'].port });

export type HelpDeskSettings = z.infer<typeof helpDeskSettings>;
