import { bootService } from '@atlas/service';
import { ordersService } from './orders.service';

void bootService(ordersService);
