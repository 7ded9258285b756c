/** The page's title: what the page is, with the alarms before it. */

import { useEffect } from "react";

let title = "";
let alarms = 0;

function show(): void {
  const alarm = alarms > 0 ? `(${alarms}) ALARM · ` : "";
  document.title = `${alarm}${title ? `${title} · ` : ""}Lifeboat`;
}

export function useTitle(text: string): void {
  useEffect(() => {
    title = text;
    show();
  }, [text]);
}

export function showAlarms(count: number): void {
  alarms = count;
  show();
}
