import { bootService } from '@atlas/service';
import { catalogApp } from './catalog.app';

void bootService(catalogApp);
