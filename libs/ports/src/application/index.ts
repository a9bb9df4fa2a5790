export { Clock } from './clock';
export { IdGenerator } from './id-generator';
export { JobTrigger } from './job-trigger';
export { Random } from './random';
