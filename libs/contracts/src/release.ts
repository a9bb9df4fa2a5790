// npm run contracts:release
import { releaseInto } from '@atlas/events/evolution';
import { catalogue } from './catalogue';

if (!releaseInto('libs/contracts/released', catalogue)) process.exitCode = 1;
