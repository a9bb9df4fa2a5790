import { bootService } from '@atlas/service';
import { helpDeskApp } from './help-desk.app';

void bootService(helpDeskApp);
