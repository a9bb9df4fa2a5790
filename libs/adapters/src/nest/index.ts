export { provide } from './provide';
