/**
 * Pictures as strings of SVG: pure functions of numbers, for the report, the pages and a browser alike. Colours are CSS variables
 * (--ink, --muted, --grid and those of the series), so that the page around a picture decides on light and dark. No DOM, no scripts.
 */

export type Attributes = Readonly<Record<string, string | number | undefined>>;

export function escapeXml(text: string): string {
  const entities: Readonly<Record<string, string>> = {
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    '"': "&quot;",
    "'": "&#39;",
  };
  return text.replace(/[&<>"']/g, (character) => entities[character]);
}

/** An element; numbers are cut to hundredths of a pixel, undefined attributes left out. Children are markup already. */
export function element(name: string, attributes: Attributes, ...children: readonly string[]): string {
  const written = Object.entries(attributes)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ` ${key}="${typeof value === "number" ? round(value) : escapeXml(String(value))}"`)
    .join("");
  return children.length === 0 ? `<${name}${written}/>` : `<${name}${written}>${children.join("")}</${name}>`;
}

const round = (value: number): number => Math.round(100 * value) / 100;

export interface Label {
  readonly anchor?: "start" | "middle" | "end";
  readonly colour?: string;
  readonly weight?: number;
  readonly size?: number;
}

/** Text whose vertical middle is at y. */
export function label(x: number, y: number, text: string, options: Label = {}): string {
  const { anchor = "start", colour = "var(--muted)", weight, size = 12 } = options;
  const attributes = {
    x,
    y: y + 0.35 * size,
    "text-anchor": anchor,
    fill: colour,
    "font-size": size,
    "font-weight": weight,
  };
  return element("text", attributes, escapeXml(text));
}

export function line(x1: number, y1: number, x2: number, y2: number, colour = "var(--grid)", width = 1): string {
  return element("line", { x1, y1, x2, y2, stroke: colour, "stroke-width": width });
}

export function bar(x: number, y: number, width: number, height: number, fill: string, tip?: string): string {
  const attributes = { x, y, width: Math.max(0, width), height, rx: Math.min(2, height / 2), fill };
  return tip === undefined
    ? element("rect", attributes)
    : element("rect", attributes, element("title", {}, escapeXml(tip)));
}

/** The picture as a whole, with what it shows in words for those who do not see it. */
export function picture(
  width: number,
  height: number,
  title: string,
  description: string,
  ...parts: readonly string[]
): string {
  const attributes = {
    viewBox: `0 0 ${width} ${height}`,
    width,
    height,
    role: "img",
    "aria-label": `${title}. ${description}`,
    xmlns: "http://www.w3.org/2000/svg",
    style: "font-family: inherit; font-variant-numeric: tabular-nums",
  };
  return element("svg", attributes, ...parts);
}

/** An estimate of a text's width in pixels: good enough to leave room for it. */
export const textWidth = (text: string, size = 12): number => 0.56 * size * text.length;
