export {
  type BackgroundJob,
  JobsModule,
  type JobsOptions,
  type PumpedJob,
  type RecurringJob,
} from './jobs.module';
export { WorkPump, type WorkPumpOptions, type WorkSteps } from './work-pump';
