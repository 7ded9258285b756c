import { DEFAULT_THEME, type MantineColorsTuple, createTheme } from "@mantine/core";

const systemFonts =
  'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", sans-serif';

/** The library's darkest green and orange are too pale behind white text (axe: 4.5 to 1). */
function withDarkest(name: "green" | "orange", darkest: string): MantineColorsTuple {
  const [a, b, c, d, e, f, g, h, i] = DEFAULT_THEME.colors[name];
  return [a, b, c, d, e, f, g, h, i, darkest];
}

export const theme = createTheme({
  colors: {
    green: withDarkest("green", "#237032"),
    orange: withDarkest("orange", "#b8390a"),
  },
  fontFamily: systemFonts,
  headings: { fontFamily: systemFonts, fontWeight: "650" },
  fontFamilyMonospace: 'ui-monospace, "SF Mono", Menlo, Consolas, "Liberation Mono", monospace',
  primaryColor: "blue",
  // The shades that keep text on filled buttons readable in both schemes (axe: 4.5 to 1).
  primaryShade: { light: 8, dark: 8 },
  autoContrast: true,
  luminanceThreshold: 0.35,
  defaultRadius: "md",
  cursorType: "pointer",
});
