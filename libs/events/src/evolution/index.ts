export { asyncApi } from './async-api';
export { dataOf } from './generated';
export { releaseInto } from './release';
export { breaches, received, recordsOf, unreleased } from './released';
export { readReleased } from './released-files';
