#!/usr/bin/env node
import { bootstrap } from './bootstrap.mjs';

await bootstrap('atlas', process.argv.slice(2));
