/** An error as the server says it: what, why, which fields, what helps. */

import { Alert, Button, List, Stack, Text } from "@mantine/core";
import { type Rule, asProblem } from "../../api/problem.js";
import { compared, span } from "../format.js";

const hasValues = ({ main, standby }: Rule) => main !== null || standby !== null;

const bothValues = ({ code, main, standby }: Rule) =>
  ` (main: ${compared(code, main)}; standby: ${compared(code, standby)})`;

export function Problem({ error, retry }: { error: unknown; retry?: () => void }) {
  const problem = asProblem(error);
  // The rules say themselves what the detail sums up for programs.
  const isTold = problem.rules.length === 0 && problem.detail !== problem.title;
  return (
    <Alert color="red" title={problem.title} role="alert" variant="light">
      <Stack gap="xs">
        {isTold && problem.detail && (
          <Text size="sm" className="wrap">
            {problem.detail}
          </Text>
        )}
        {problem.errors.length > 0 && (
          <List size="sm">
            {problem.errors.map((one) => (
              <List.Item key={`${one.path} ${one.code}`} className="wrap">
                <span className="mono">{one.path}</span>: {one.message}
              </List.Item>
            ))}
          </List>
        )}
        {problem.rules.length > 0 && (
          <List size="sm">
            {problem.rules.map((rule) => (
              <List.Item key={rule.code} className="wrap">
                <b>{rule.message}</b>
                {hasValues(rule) && bothValues(rule)}
                <div className="mono">{rule.remedy}</div>
              </List.Item>
            ))}
          </List>
        )}
        {problem.retryAfterMs !== null && (
          <Text size="sm">Try again in {span(problem.retryAfterMs)}.</Text>
        )}
        <Text size="xs" c="dimmed" className="mono">
          {problem.code}
        </Text>
        {retry && (
          <Button size="xs" variant="default" onClick={retry} w="fit-content">
            Try again
          </Button>
        )}
      </Stack>
    </Alert>
  );
}
