export { provide, serve, value } from './provide';
