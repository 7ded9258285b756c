import { useComputedColorScheme } from "@mantine/core";
import { useEffect, useRef } from "react";
import uPlot from "uplot";
import type { Curve } from "./arrivals.js";

const HEIGHT_PX = 220;

/** How many have arrived, over time. The numbers beside it say the same to screen readers. */
export function ArrivalChart({ curve, present }: { curve: Curve; present: number }) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const scheme = useComputedColorScheme("light");
  const top = useRef(present);
  top.current = present;
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const ink = scheme === "dark" ? "#c9c9c9" : "#495057";
    const axis = {
      stroke: ink,
      grid: { stroke: scheme === "dark" ? "#3b3b3b" : "#e9ecef" },
      ticks: { stroke: ink },
    };
    const made = new uPlot(
      {
        width: element.clientWidth,
        height: HEIGHT_PX,
        cursor: { show: false },
        legend: { show: false },
        scales: {
          x: { time: false, range: (_, _min, max) => [0, Math.max(max, 5)] },
          y: { range: (_, _min, max) => [0, Math.max(max, top.current, 1)] },
        },
        axes: [
          { ...axis, values: (_, ticks) => ticks.map((tick) => `${tick} s`) },
          { ...axis, size: 60 },
        ],
        series: [
          {},
          { stroke: "#2f9e44", width: 2, fill: "#2f9e4433", paths: uPlot.paths.stepped?.({ align: 1 }) },
        ],
      } as uPlot.Options,
      [[0], [0]],
      element,
    );
    plot.current = made;
    const resize = new ResizeObserver(() =>
      made.setSize({ width: element.clientWidth, height: HEIGHT_PX }),
    );
    resize.observe(element);
    return () => {
      resize.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [scheme]);
  useEffect(() => plot.current?.setData(curve), [curve, scheme]);
  const landed = curve[1].at(-1) ?? 0;
  return <div ref={box} role="img" aria-label={`Arrivals: ${landed} of ${present} have landed`} />;
}
