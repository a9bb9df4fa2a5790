// npm run contracts:asyncapi: writes docs/asyncapi.yaml anew.
import { writeFileSync } from 'node:fs';
import { contracts } from '../catalogue';
import { topics } from '../topics';
import { asyncApi } from './async-api';

writeFileSync('docs/asyncapi.yaml', asyncApi({ contracts, topics }));
