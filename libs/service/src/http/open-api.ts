import type { INestApplication } from '@nestjs/common';
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';

const PROBLEM_SCHEMA = {
  type: 'object' as const,
  description: 'Problem details (RFC 9457)',
  required: ['type', 'title', 'status'],
  properties: {
    type: { type: 'string', description: 'The kind of problem' },
    title: { type: 'string' },
    status: { type: 'integer' },
    detail: { type: 'string', description: 'What is wrong and how to fix it' },
    errors: {
      type: 'array',
      items: {
        type: 'object',
        required: ['pointer', 'detail'],
        properties: {
          pointer: { type: 'string', description: 'JSON Pointer to the field' },
          in: {
            type: 'string',
            enum: ['query', 'path'],
            description: 'Where the field is, unless in the body',
          },
          detail: { type: 'string' },
        },
      },
    },
  },
};

export interface ApiInfo {
  readonly title: string;
  readonly description?: string | undefined;
}

/** Serves the API as OpenAPI: pages at /docs, the document at /docs-json. Generated on the first request. */
export function serveOpenApi(app: INestApplication, info: ApiInfo): void {
  SwaggerModule.setup('docs', app, () => describeApi(app, info), {
    customSiteTitle: info.title,
    swaggerOptions: { showExtensions: true },
  });
}

export function describeApi(app: INestApplication, { title, description = '' }: ApiInfo): OpenAPIObject {
  const config = new DocumentBuilder()
    .setTitle(title)
    .setDescription(description)
    .setVersion('1')
    .setOpenAPIVersion('3.1.0')
    .build();
  const document = SwaggerModule.createDocument(app, config);
  document.components ??= {};
  document.components.schemas = { ...document.components.schemas, Problem: PROBLEM_SCHEMA };
  for (const path of Object.values(document.paths)) {
    for (const method of ['get', 'put', 'post', 'delete', 'patch'] as const) {
      const operation = path[method];
      if (!operation) continue;
      operation.responses['default'] ??= {
        description: 'The request was refused or failed',
        content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
      };
    }
  }
  return document;
}
