// Marks as pixels of a canvas.
import { isGroup, isText, type Ink, type Mark } from "./marks";

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
