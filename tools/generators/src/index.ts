export { command } from './command';
export { consumer } from './consumer';
export { context } from './context';
export { event } from './event';
export { adapter, port } from './port';
export { query } from './query';
export { remove } from './remove';
