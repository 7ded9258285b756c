/** Short messages about what was done, read out by screen readers. */

import { Notification, Stack } from "@mantine/core";
import { createContext, type ReactNode, useCallback, useContext, useState } from "react";

interface Notice {
  number: number;
  text: string;
  kind: "done" | "warning";
}

type Tell = (text: string, kind?: Notice["kind"]) => void;

const SHOWN_MS = 8_000;
const NoticeContext = createContext<Tell>(() => {});

/** Says something to the one at the page. */
export const useTell = () => useContext(NoticeContext);

let lastNumber = 0;

export function Notices({ children }: { children: ReactNode }) {
  const [notices, setNotices] = useState<Notice[]>([]);
  const drop = useCallback(
    (number: number) => setNotices((all) => all.filter((one) => one.number !== number)),
    [],
  );
  const tell = useCallback<Tell>(
    (text, kind = "done") => {
      lastNumber += 1;
      const number = lastNumber;
      setNotices((all) => [...all.slice(-3), { number, text, kind }]);
      setTimeout(() => drop(number), SHOWN_MS);
    },
    [drop],
  );
  return (
    <NoticeContext.Provider value={tell}>
      {children}
      <Stack pos="fixed" bottom={16} right={16} maw={420} role="status" style={{ zIndex: 500 }}>
        {notices.map(({ number, text, kind }) => (
          <Notification
            key={number}
            withBorder
            color={kind === "done" ? "green" : "orange"}
            onClose={() => drop(number)}
            closeButtonProps={{ "aria-label": "Close the message" }}
          >
            <span className="wrap">{text}</span>
          </Notification>
        ))}
      </Stack>
    </NoticeContext.Provider>
  );
}
