import { bootService } from '@atlas/service';
import { ordersApp } from './orders.app';

void bootService(ordersApp);
