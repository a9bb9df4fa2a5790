// Generated from apps/*/context.json by "npm run generate": a module for each context that publishes events.
export * from './orders';
export * from './inventory';
export * from './payments';
export * from './catalog';
