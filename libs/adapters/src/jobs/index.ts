export { JobsModule, type JobsOptions, type RecurringJob } from './jobs.module';
