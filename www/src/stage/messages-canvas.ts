// Messages on a canvas, for more than SVG can move in time: each kind of glyph is drawn once into a sprite and then only
// copied. Takes any 2D context, so that it can also draw off the page.
import type { Ink } from "../pieces/marks";
import { paint, type Palette } from "../pieces/paint";
import type { Measure } from "../pieces/text";
import type { Drawn } from "./flights";
import { glyph, glyphKey, glyphReach } from "./message-glyphs";

/** More pixels than this cost more than they show. */
export const MOST_DENSITY = 1.5;
const SPRITES_KEPT = 600;

type Sprite = { image: HTMLCanvasElement | OffscreenCanvas; half: number };
type Context = CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D;

export type CanvasMessages = {
  draw(ctx: Context, drawn: Drawn[], width: number, height: number, density: number): void;
  /** To be called when the theme changes. */
  forget(): void;
};

export function canvasMessages(palette: () => Palette, measure: Measure): CanvasMessages {
  const sprites = new Map<string, Sprite>();
  let made: Palette | null = null;

  const spriteOf = (one: Drawn, density: number): Sprite | null => {
    const key = `${glyphKey(one)}|${density}`;
    const known = sprites.get(key);
    if (known) return known;
    const half = glyphReach(one);
    const side = Math.ceil(2 * half * density);
    const image = typeof OffscreenCanvas === "undefined" ? document.createElement("canvas") : new OffscreenCanvas(side, side);
    image.width = side;
    image.height = side;
    const ctx = image.getContext("2d") as Context | null;
    if (!ctx) return null;
    ctx.scale(density, density);
    ctx.translate(half, half);
    made ??= palette();
    paint(ctx, glyph(one, measure, true), made);
    if (sprites.size >= SPRITES_KEPT) sprites.clear();
    const sprite = { image, half };
    sprites.set(key, sprite);
    return sprite;
  };

  return {
    draw(ctx, drawn, width, height, density) {
      ctx.setTransform(1, 0, 0, 1, 0, 0);
      ctx.clearRect(0, 0, Math.ceil(width * density), Math.ceil(height * density));
      for (const one of drawn) {
        const sprite = spriteOf(one, density);
        if (!sprite) continue;
        if (ctx.globalAlpha !== one.alpha) ctx.globalAlpha = one.alpha;
        // On whole pixels: copied as it is, which is quicker and keeps the letters sharp.
        ctx.drawImage(sprite.image, Math.round((one.x - sprite.half) * density), Math.round((one.y - sprite.half) * density));
      }
      ctx.globalAlpha = 1;
    },
    forget() {
      sprites.clear();
      made = null;
    },
  };
}

/** Looks the colours of an element up, as the canvas cannot. */
export function paletteOf(element: Element): Palette {
  const known = new Map<Ink, string>();
  const probe = document.createElement("span");
  probe.hidden = true;
  element.append(probe);
  const font = getComputedStyle(element).fontFamily;
  // All inks that a token can need, at once: afterwards the probe is gone.
  const names = ["board", "surface", "text", "muted", "line", "ring", "shadow2"];
  for (const family of ["election", "sync", "broadcast", "client", "heartbeat", "lost"]) {
    names.push(`m-${family}`, `i-${family}`, `lip-m-${family}`);
  }
  for (const name of names) {
    probe.style.color = `var(--${name})`;
    known.set(name, getComputedStyle(probe).color);
  }
  probe.remove();
  return { font, ink: (ink) => known.get(ink) ?? "transparent" };
}
