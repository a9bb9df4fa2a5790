import { bootService } from '@atlas/service';
import { lendingApp } from './lending';

void bootService(lendingApp);
