/** The form of a live config, made from its schema, with the guide's section headings. */

import { Button, Checkbox, Fieldset, Group, NumberInput, Paper, Stack, Text, Title } from "@mantine/core";
import { withTheme } from "@rjsf/core";
import { Theme } from "@rjsf/mantine";
import type {
  DescriptionFieldProps,
  ErrorSchema,
  ObjectFieldTemplateProps,
  RJSFSchema,
  UiSchema,
  WidgetProps,
} from "@rjsf/utils";
import { toErrorSchema } from "@rjsf/utils";
import { type ReactNode, createContext, memo, useContext, useMemo } from "react";
import type { FieldProblem } from "../../api/problem.js";
import type { Values } from "../../api/types.js";
import type { Config } from "./diff.js";
import { validator } from "./validator.js";

export interface Counting {
  /** Raises a counter at once; none for those who may not. */
  increment: ((path: string) => void) | null;
  isBusy: boolean;
}

/**
 * Not the form library's own context: it keeps fields whose value did not change as they were, with
 * what they were given then.
 */
export const CountingContext = createContext<Counting>({ increment: null, isBusy: false });

interface Props {
  schema: RJSFSchema;
  draft: Config;
  problems: FieldProblem[];
  isReadOnly: boolean;
  onChange: (draft: Config, isValid: boolean) => void;
}

const titles: Record<string, string> = {
  game: "Game: defined by Lifeboat",
  project: "Project: defined by the mod",
};

const COUNTERS = "ForceDisconnect";

/** One template draws the whole, its two parts, the sections and what is below those. */
function Section({ title, description, properties, fieldPathId, schema }: ObjectFieldTemplateProps) {
  const { path } = fieldPathId;
  const name = String(path.at(-1) ?? "");
  const fields = properties.map((property) => <div key={property.name}>{property.content}</div>);
  if (path.length === 0) return <Stack gap="xl">{fields}</Stack>;
  const about = description ?? schema.description;
  if (path.length === 1) {
    return (
      <Stack component="section" aria-label={titles[name] ?? name}>
        <Title order={2} size="h3">
          {titles[name] ?? title ?? name}
        </Title>
        {fields}
      </Stack>
    );
  }
  const body = (
    <Stack gap="sm">
      {about && (
        <Text size="sm" c="dimmed">
          {about}
        </Text>
      )}
      {fields}
    </Stack>
  );
  if (path.length > 2) return <Fieldset legend={name}>{body}</Fieldset>;
  return (
    <Paper withBorder p="md" component="section" aria-labelledby={`section-${path.join("-")}`}>
      <Title order={3} size="h4" mb="xs" id={`section-${path.join("-")}`}>
        {name}
      </Title>
      {body}
    </Paper>
  );
}

/** A counter: its value, to be raised by hand and saved, and a button that raises it by one at once. */
function Counter(props: WidgetProps) {
  const { increment, isBusy } = useContext(CountingContext);
  const name = props.label;
  return (
    <Group align="flex-end" gap="sm">
      <NumberInput
        id={props.id}
        label={name}
        description={props.schema.description}
        value={props.value as number}
        min={0}
        allowDecimal={false}
        thousandSeparator={false}
        readOnly={props.readonly || props.disabled || false}
        error={props.rawErrors?.join("; ")}
        onChange={(value) => props.onChange(value === "" ? undefined : Number(value))}
        style={{ flex: 1 }}
      />
      {increment && (
        <Button
          variant="default"
          loading={isBusy}
          aria-label={`Increment ${name}`}
          onClick={() => increment(`/game/${COUNTERS}/${name}`)}
        >
          Increment
        </Button>
      )}
    </Group>
  );
}

/** A switch of the project, with its description below it like that of any other value. */
function Flag({ id, label, schema, value, readonly, disabled, onChange, rawErrors }: WidgetProps) {
  return (
    <Checkbox
      id={id}
      label={label}
      description={schema.description}
      checked={value === true}
      disabled={readonly || disabled || false}
      error={rawErrors?.join("; ")}
      onChange={(event) => onChange(event.currentTarget.checked)}
    />
  );
}

function Description({ id, description }: DescriptionFieldProps) {
  return description ? (
    <Text id={id} size="xs" c="dimmed">
      {description}
    </Text>
  ) : null;
}

const Form = withTheme<Values>({
  ...Theme,
  widgets: { ...Theme.widgets, CheckboxWidget: Flag },
  templates: {
    ...Theme.templates,
    ObjectFieldTemplate: Section as never,
    DescriptionFieldTemplate: Description as never,
  },
} as never);

/** How each value is shown: emptied text is the empty text, counters have their button. */
export function uiSchemaOf(schema: RJSFSchema, path: string[] = []): UiSchema {
  const ui: UiSchema = path.length === 0 ? { "ui:submitButtonOptions": { norender: true } } : {};
  for (const [key, below] of Object.entries(schema.properties ?? {})) {
    if (typeof below === "object") ui[key] = uiSchemaOf(below as RJSFSchema, [...path, key]);
  }
  if (schema.type === "string") ui["ui:emptyValue"] = "";
  if (path[0] === "game" && path[1] === COUNTERS && path.length === 3) {
    ui["ui:widget"] = Counter;
    ui["ui:options"] = { label: false };
  }
  if (schema.type === "boolean") ui["ui:options"] = { label: false };
  return ui;
}

/** Sections that move people come first, in the order in which the guide uses them. */
const first = ["Failover", COUNTERS];

function inGuideOrder(schema: RJSFSchema): RJSFSchema {
  const game = schema.properties?.game;
  if (typeof game !== "object" || !game.properties) return schema;
  const rank = (key: string) => (first.indexOf(key) + 1 || first.length + 1) as number;
  const entries = Object.entries(game.properties).sort(([a], [b]) => rank(a) - rank(b));
  const order: [string, string[]][] = [
    ["Failover", ["OverrideWorldId", "OverrideDeploymentId", "OverrideLaunchContextId"]],
  ];
  const sorted = entries.map(([key, section]): [string, RJSFSchema] => {
    const wanted = order.find(([name]) => name === key)?.[1];
    const below = section as RJSFSchema;
    if (!wanted || !below.properties) return [key, below];
    const all = Object.entries(below.properties).sort(
      ([a], [b]) => wanted.indexOf(a) - wanted.indexOf(b),
    );
    return [key, { ...below, properties: Object.fromEntries(all) }];
  });
  return {
    ...schema,
    properties: {
      ...schema.properties,
      game: { ...game, properties: Object.fromEntries(sorted) },
    },
  };
}

/** The server gives the two parts as properties of one schema, or each by itself. */
export function wholeSchema(given: Values): RJSFSchema {
  if (given.properties) return inGuideOrder(given as RJSFSchema);
  const { game, project } = given as { game?: RJSFSchema; project?: RJSFSchema };
  const properties = { ...(game ? { game } : {}), ...(project ? { project } : {}) };
  return inGuideOrder({ type: "object", properties });
}

function errorsOf(problems: FieldProblem[]): ErrorSchema<Values> {
  return toErrorSchema<Values>(
    problems.map(({ path, message }) => ({
      property: path.replaceAll("/", "."),
      message,
      stack: message,
    })),
  );
}

export const ConfigForm = memo(function ConfigForm(props: Props): ReactNode {
  const uiSchema = useMemo(() => uiSchemaOf(props.schema), [props.schema]);
  const extraErrors = useMemo(() => errorsOf(props.problems), [props.problems]);
  return (
    <Form
      schema={props.schema}
      uiSchema={uiSchema}
      formData={props.draft as unknown as Values}
      validator={validator as never}
      extraErrors={extraErrors}
      readonly={props.isReadOnly}
      liveValidate
      showErrorList={false}
      noHtml5Validate
      tagName="div"
      onChange={({ formData, errors }) => {
        const own = errors.filter((error) => !props.problems.some((p) => p.message === error.message));
        props.onChange(formData as unknown as Config, own.length === 0);
      }}
    />
  );
});
