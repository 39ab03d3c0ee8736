// A drawing as data: paths, texts and groups in the colours of tokens.css. Marks.svelte turns it into SVG and paint.ts
// into pixels of a canvas, so that each outline is described once. Nothing here knows what a piece is.

/** The name of a custom property of tokens.css without its dashes (`m-election`), or `none`. */
export type Ink = string;

export type PathMark = {
  d: string;
  fill?: Ink;
  fillAlpha?: number;
  stroke?: Ink;
  strokeAlpha?: number;
  width?: number;
  dash?: string;
  cap?: "butt" | "round";
  join?: "miter" | "round";
  dx?: number;
  dy?: number;
  /** Degrees clockwise, after the shift. */
  turn?: number;
};

export type TextMark = {
  text: string;
  x: number;
  y: number;
  size: number;
  weight: number;
  fill: Ink;
  anchor?: "start" | "middle" | "end";
  /** In em. */
  spacing?: number;
  /** The language of the words, where it is not that of the page. */
  lang?: string;
};

export type GroupMark = {
  marks: Mark[];
  dx?: number;
  dy?: number;
  turn?: number;
  scale?: number;
  alpha?: number;
};

export type Mark = PathMark | TextMark | GroupMark;

/** Marks and the box that they fill, for a picture that stands alone. */
export type Piece = { marks: Mark[]; box: Box };
export type Box = { x: number; y: number; width: number; height: number };

export const isText = (mark: Mark): mark is TextMark => "text" in mark;
export const isGroup = (mark: Mark): mark is GroupMark => "marks" in mark;

/** Moves a piece. */
export const at = (dx: number, dy: number, marks: Mark[], more: Omit<GroupMark, "marks" | "dx" | "dy"> = {}): GroupMark =>
  ({ marks, dx, dy, ...more });

/** The value of an ink for an SVG attribute. */
export const cssInk = (ink: Ink | undefined): string => (ink === undefined || ink === "none" ? "none" : `var(--${ink})`);

/** The `transform` attribute of a mark, or undefined if it stays where it is. */
export function transformOf(mark: { dx?: number; dy?: number; turn?: number; scale?: number }): string | undefined {
  const parts: string[] = [];
  if (mark.dx || mark.dy) parts.push(`translate(${fix(mark.dx ?? 0)} ${fix(mark.dy ?? 0)})`);
  if (mark.turn) parts.push(`rotate(${fix(mark.turn)})`);
  if (mark.scale !== undefined && mark.scale !== 1) parts.push(`scale(${fix(mark.scale)})`);
  return parts.length ? parts.join(" ") : undefined;
}

/** A number for a path: two places are finer than any screen. */
export const fix = (value: number): string => String(Math.round(value * 100) / 100);

const SVG = "http://www.w3.org/2000/svg";

/** The same marks as SVG elements, for a layer that is moved by hand many times a second. */
export function elementsOf(marks: Mark[]): SVGElement[] {
  return marks.map((mark) => {
    if (isText(mark)) {
      const text = document.createElementNS(SVG, "text");
      set(text, {
        x: fix(mark.x), y: fix(mark.y), "font-size": fix(mark.size), "font-weight": String(mark.weight),
        "text-anchor": mark.anchor ?? "start", fill: cssInk(mark.fill),
        "letter-spacing": mark.spacing ? `${mark.spacing}em` : undefined,
      });
      text.textContent = mark.text;
      return text;
    }
    if (isGroup(mark)) {
      const group = document.createElementNS(SVG, "g");
      set(group, { transform: transformOf(mark), opacity: mark.alpha === undefined ? undefined : fix(mark.alpha) });
      group.append(...elementsOf(mark.marks));
      return group;
    }
    const path = document.createElementNS(SVG, "path");
    set(path, pathAttributes(mark));
    return path;
  });
}

/** The attributes of a path mark. */
export const pathAttributes = (mark: PathMark) => ({
  d: mark.d,
  transform: transformOf(mark),
  fill: cssInk(mark.fill),
  "fill-opacity": mark.fillAlpha === undefined ? undefined : fix(mark.fillAlpha),
  stroke: mark.stroke ? cssInk(mark.stroke) : undefined,
  "stroke-opacity": mark.strokeAlpha === undefined ? undefined : fix(mark.strokeAlpha),
  "stroke-width": mark.stroke ? fix(mark.width ?? 1) : undefined,
  "stroke-dasharray": mark.dash,
  "stroke-linecap": mark.cap,
  "stroke-linejoin": mark.join,
});

function set(element: Element, attributes: Readonly<Record<string, string | undefined>>): void {
  for (const [name, value] of Object.entries(attributes)) if (value !== undefined) element.setAttribute(name, value);
}
