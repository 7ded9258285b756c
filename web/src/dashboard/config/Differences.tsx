import { Table } from "@mantine/core";
import { value } from "../format.js";
import { type Difference, readable } from "./diff.js";
import { WideTable } from "../parts/WideTable.js";

interface Props {
  label: string;
  differences: Difference[];
  before?: string;
  after?: string;
}

/** Changed values, before and after, side by side. */
export function Differences({ label, differences, before = "Now", after = "New" }: Props) {
  return (
    <WideTable label={label} minWidth={420}>
      <Table aria-label={label} verticalSpacing={4}>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Value</Table.Th>
            <Table.Th>{before}</Table.Th>
            <Table.Th>{after}</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {differences.map((one) => (
            <Table.Tr key={one.path}>
              <Table.Td className="wrap">{readable(one.path)}</Table.Td>
              <Table.Td className="mono">{value(one.before)}</Table.Td>
              <Table.Td className="mono">{value(one.after)}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </WideTable>
  );
}
