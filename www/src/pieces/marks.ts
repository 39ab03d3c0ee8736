// A drawing as data: paths, texts and groups in the colours of tokens.css. Marks.svelte turns it into SVG and `paint`
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

const paths = new Map<string, Path2D>();
const PATHS_KEPT = 4000;

function pathOf(d: string): Path2D {
  let path = paths.get(d);
  if (!path) {
    if (paths.size >= PATHS_KEPT) paths.clear();
    path = new Path2D(d);
    paths.set(d, path);
  }
  return path;
}

/** The colours and the font that a canvas cannot look up for itself. */
export type Palette = { ink: (ink: Ink) => string; font: string };

/** Draws marks on any 2D context. */
export function paint(
  ctx: CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D, marks: Mark[], palette: Palette,
): void {
  for (const mark of marks) {
    ctx.save();
    if (isText(mark)) {
      ctx.font = `${mark.weight} ${mark.size}px ${palette.font}`;
      ctx.textAlign = mark.anchor === "middle" ? "center" : (mark.anchor ?? "start");
      ctx.textBaseline = "alphabetic";
      ctx.fillStyle = palette.ink(mark.fill);
      ctx.fillText(mark.text, mark.x, mark.y);
      ctx.restore();
      continue;
    }
    if (mark.dx || mark.dy) ctx.translate(mark.dx ?? 0, mark.dy ?? 0);
    if (mark.turn) ctx.rotate((mark.turn * Math.PI) / 180);
    if (isGroup(mark)) {
      if (mark.scale) ctx.scale(mark.scale, mark.scale);
      if (mark.alpha !== undefined) ctx.globalAlpha *= mark.alpha;
      paint(ctx, mark.marks, palette);
    } else {
      const path = pathOf(mark.d);
      const alpha = ctx.globalAlpha;
      if (mark.fill && mark.fill !== "none") {
        ctx.globalAlpha = alpha * (mark.fillAlpha ?? 1);
        ctx.fillStyle = palette.ink(mark.fill);
        ctx.fill(path);
      }
      if (mark.stroke && mark.stroke !== "none") {
        ctx.globalAlpha = alpha * (mark.strokeAlpha ?? 1);
        ctx.strokeStyle = palette.ink(mark.stroke);
        ctx.lineWidth = mark.width ?? 1;
        ctx.lineCap = mark.cap ?? "butt";
        ctx.lineJoin = mark.join ?? "miter";
        ctx.setLineDash(mark.dash ? mark.dash.split(" ").map(Number) : []);
        ctx.stroke(path);
      }
    }
    ctx.restore();
  }
}

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
export const pathAttributes = (mark: PathMark): Record<string, string | undefined> => ({
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

function set(element: Element, attributes: Record<string, string | undefined>): void {
  for (const [name, value] of Object.entries(attributes)) if (value !== undefined) element.setAttribute(name, value);
}
