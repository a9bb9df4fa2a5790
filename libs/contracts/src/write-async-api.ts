// npm run contracts:asyncapi
import { writeFileSync } from 'node:fs';
import { asyncApi } from '@atlas/events/evolution';
import { catalogue } from './catalogue';

writeFileSync('docs/asyncapi.yaml', asyncApi(catalogue));
