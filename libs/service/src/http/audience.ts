import { ApiExtension } from '@nestjs/swagger';

/**
 * Who a route is for:
 *
 * - `user`: whom the business serves, through a client such as a web page;
 * - `staff`: who runs the business;
 * - `operator`: who runs the platform, through the atlas command or a monitor;
 * - `partner`: another company's system.
 */
export type AudienceName = 'user' | 'staff' | 'operator' | 'partner';

export const AUDIENCE_EXTENSION = 'x-audience';

/**
 * Declares who may call a route, or all routes of a controller, in its OpenAPI document. It is a statement, not a guard:
 * nobody is authenticated yet, and everything listens on the loopback interface or inside the cluster.
 */
export const Audience = (
  ...names: readonly [AudienceName, ...AudienceName[]]
): MethodDecorator & ClassDecorator =>
  ApiExtension(AUDIENCE_EXTENSION, names) as MethodDecorator & ClassDecorator;
