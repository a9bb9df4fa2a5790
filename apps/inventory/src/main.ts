import { bootService } from '@atlas/service';
import { inventoryApp } from './inventory.app';

void bootService(inventoryApp);
