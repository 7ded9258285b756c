/**
 * Checks values against the small subset of JSON Schema that live config is made of. A general
 * validator would compile code from the schema at run time, which a strict content security policy
 * forbids, and be four times the size of everything else on the page.
 */

import type {
  CustomValidator,
  ErrorTransformer,
  RJSFSchema,
  RJSFValidationError,
  UiSchema,
  ValidationData,
  ValidatorType,
} from "@rjsf/utils";
import { toErrorSchema } from "@rjsf/utils";

interface Fault {
  path: string[];
  message: string;
}

const typeChecks: Record<string, (value: unknown) => boolean> = {
  string: (value) => typeof value === "string",
  boolean: (value) => typeof value === "boolean",
  number: (value) => typeof value === "number" && Number.isFinite(value),
  integer: (value) => Number.isSafeInteger(value),
  array: Array.isArray,
  object: (value) => typeof value === "object" && value !== null && !Array.isArray(value),
  null: (value) => value === null,
};

const length = (text: string) => [...text].length;

/** 0.3 is a multiple of 0.1 although the division of doubles leaves a rest. */
function isMultiple(value: number, of: number): boolean {
  const times = value / of;
  return Math.abs(times - Math.round(times)) < 1e-9 * Math.max(1, Math.abs(times));
}

function matches(text: string, pattern: string): boolean {
  try {
    return new RegExp(pattern, "u").test(text);
  } catch {
    // A pattern of another dialect is left to the server.
    return true;
  }
}

function* faultsOfNumber(value: number, schema: RJSFSchema): Generator<string> {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf } = schema;
  if (minimum !== undefined && value < minimum) yield `must be at least ${minimum}`;
  if (maximum !== undefined && value > maximum) yield `must be at most ${maximum}`;
  if (typeof exclusiveMinimum === "number" && value <= exclusiveMinimum) {
    yield `must be more than ${exclusiveMinimum}`;
  }
  if (typeof exclusiveMaximum === "number" && value >= exclusiveMaximum) {
    yield `must be less than ${exclusiveMaximum}`;
  }
  if (multipleOf !== undefined && !isMultiple(value, multipleOf)) {
    yield `must be a multiple of ${multipleOf}`;
  }
}

function* faultsOfText(value: string, schema: RJSFSchema): Generator<string> {
  const { minLength, maxLength, pattern } = schema;
  if (minLength !== undefined && length(value) < minLength) {
    yield `must have at least ${minLength} characters`;
  }
  if (maxLength !== undefined && length(value) > maxLength) {
    yield `must have at most ${maxLength} characters`;
  }
  if (pattern !== undefined && !matches(value, pattern)) yield `must match ${pattern}`;
}

function* faults(value: unknown, schema: RJSFSchema, path: string[]): Generator<Fault> {
  const types = schema.type === undefined ? [] : [schema.type].flat();
  if (types.length > 0 && !types.some((type) => typeChecks[type]?.(value) ?? true)) {
    const message = value === undefined ? "must have a value" : `must be of type ${types.join(" or ")}`;
    yield { path, message };
    return;
  }
  if (schema.enum && !schema.enum.some((one) => JSON.stringify(one) === JSON.stringify(value))) {
    yield { path, message: `must be one of ${schema.enum.map(String).join(", ")}` };
  }
  if (typeof value === "number") {
    for (const message of faultsOfNumber(value, schema)) yield { path, message };
  } else if (typeof value === "string") {
    for (const message of faultsOfText(value, schema)) yield { path, message };
  } else if (Array.isArray(value)) {
    const items = schema.items;
    if (typeof items !== "object" || Array.isArray(items)) return;
    for (const [index, one] of value.entries()) {
      yield* faults(one, items as RJSFSchema, [...path, String(index)]);
    }
  } else if (typeof value === "object" && value !== null) {
    for (const [key, below] of Object.entries(schema.properties ?? {})) {
      const one = (value as Record<string, unknown>)[key];
      if (typeof below === "object") yield* faults(one, below as RJSFSchema, [...path, key]);
    }
  }
}

/** What is wrong with `value`, with JSON Pointers. */
export function faultsOf(value: unknown, schema: RJSFSchema): { path: string; message: string }[] {
  return [...faults(value, schema, [])].map(({ path, message }) => ({
    path: path.map((key) => `/${key}`).join(""),
    message,
  }));
}

type Data = Record<string, unknown>;

/** The same checks in the shape that the form library asks for. */
export const validator: ValidatorType<Data> = {
  validateFormData(
    formData: Data | undefined,
    schema: RJSFSchema,
    _custom?: CustomValidator<Data>,
    transform?: ErrorTransformer<Data>,
    uiSchema?: UiSchema<Data>,
  ): ValidationData<Data> {
    const found: RJSFValidationError[] = [...faults(formData, schema, [])].map(
      ({ path, message }) => ({
        property: path.map((key) => `.${key}`).join(""),
        message,
        stack: `${path.join(" › ")} ${message}`,
      }),
    );
    const errors = transform ? transform(found, uiSchema) : found;
    return { errors, errorSchema: toErrorSchema<Data>(errors) };
  },
  isValid: (schema, formData) => faults(formData, schema as RJSFSchema, []).next().done === true,
  rawValidation: <Result>(schema: RJSFSchema, formData?: Data) => ({
    errors: [...faults(formData, schema, [])] as Result[],
  }),
};


export default validator;
