import { z } from 'zod';

interface Documentation {
  /** Its name under `components.schemas` of the OpenAPI document. */
  readonly id?: string;
  readonly description?: string;
  /** Any other keyword of JSON Schema 2020-12; wins over what zod makes of the schema. */
  readonly [keyword: string]: unknown;
}

/**
 * What the OpenAPI document says about schemas besides their structure. Not zod's global registry,
 * which belongs to the program that Tidings may be a part of.
 */
export const DOCUMENTATION = z.registry<Documentation>();

/** Adds to what the OpenAPI document says about a schema; returns the schema. */
export function described<Schema extends z.ZodType>(
  schema: Schema,
  description: string,
  more: Documentation = {},
): Schema {
  DOCUMENTATION.add(schema, { ...more, description });
  return schema;
}
