import { bootService } from '@atlas/service';
import { inventoryService } from './inventory.service';

void bootService(inventoryService);
