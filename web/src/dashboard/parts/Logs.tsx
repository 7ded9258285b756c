import { Modal } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import { api, logLines } from "../../api/client.js";
import { Problem } from "./Problem.js";

const TAIL_LINES = 400;
const RELOAD_MS = 1_500;

interface Props {
  deploymentId: string;
  serverId: string;
  close: () => void;
}

/** The end of a server's log, live; it stays at the end unless one scrolled up. */
export function Logs({ deploymentId, serverId, close }: Props) {
  const logs = useQuery({
    queryKey: ["logs", deploymentId, serverId],
    queryFn: () => api.logs(deploymentId, serverId, TAIL_LINES),
    refetchInterval: RELOAD_MS,
  });
  const box = useRef<HTMLPreElement>(null);
  const isAtEnd = useRef(true);
  useEffect(() => {
    if (box.current && isAtEnd.current) box.current.scrollTop = box.current.scrollHeight;
    void logs.data;
  }, [logs.data]);
  return (
    <Modal
      opened
      onClose={close}
      size="90%"
      title={`Logs of ${serverId}`}
      closeButtonProps={{ "aria-label": "Close" }}
    >
      {logs.error && <Problem error={logs.error} />}
      <pre
        ref={box}
        className="log mono"
        tabIndex={0}
        aria-label="Log"
        onScroll={({ currentTarget: { scrollHeight, scrollTop, clientHeight } }) => {
          isAtEnd.current = scrollHeight - scrollTop - clientHeight < 40;
        }}
      >
        {logs.data === undefined ? "…" : logLines(logs.data).join("\n") || "The log is empty."}
      </pre>
    </Modal>
  );
}
