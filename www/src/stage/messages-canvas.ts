// Messages on a canvas, for more than SVG can move in time: each kind of glyph is drawn once into a sprite and then only
// copied. Takes any 2D context, so that it can also draw off the page.
import type { Ink, Piece } from "../pieces/marks";
import { paint, type Palette } from "../pieces/paint";
import type { Measure } from "../pieces/text";
import { heapCount } from "../pieces/token";
import type { Drawn } from "./flights";
import { around, grown } from "./geometry";
import { glyph, glyphKey, glyphReach } from "./message-glyphs";

/** More pixels than this cost more than they show. */
export const MOST_DENSITY = 1.5;
const SPRITES_KEPT = 600;

/** An image, and where its upper left corner lies from the middle of what it shows, in whole pixels of the canvas. */
type Sprite = { image: HTMLCanvasElement | OffscreenCanvas; left: number; top: number };
type Context = CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D;

export type CanvasMessages = {
  draw(ctx: Context, drawn: Drawn[], width: number, height: number, density: number): void;
  /** To be called when the theme changes. */
  forget(): void;
};

export function canvasMessages(palette: () => Palette, measure: Measure): CanvasMessages {
  const sprites = new Map<string, Sprite>();
  let made: Palette | null = null;

  const spriteOf = (key: string, density: number, draw: () => Piece): Sprite | null => {
    const known = sprites.get(key);
    if (known) return known;
    const { marks, box } = draw();
    const left = Math.floor(box.x * density);
    const top = Math.floor(box.y * density);
    const width = Math.ceil((box.x + box.width) * density) - left;
    const height = Math.ceil((box.y + box.height) * density) - top;
    const image = typeof OffscreenCanvas === "undefined" ? document.createElement("canvas") : new OffscreenCanvas(width, height);
    image.width = width;
    image.height = height;
    const ctx = image.getContext("2d") as Context | null;
    if (!ctx) return null;
    ctx.setTransform(density, 0, 0, density, -left, -top);
    made ??= palette();
    paint(ctx, marks, made);
    if (sprites.size >= SPRITES_KEPT) sprites.clear();
    const sprite = { image, left, top };
    sprites.set(key, sprite);
    return sprite;
  };

  return {
    draw(ctx, drawn, width, height, density) {
      ctx.setTransform(1, 0, 0, 1, 0, 0);
      ctx.clearRect(0, 0, Math.ceil(width * density), Math.ceil(height * density));
      // On whole pixels: copied as it is, which is quicker and keeps the letters sharp.
      const stamp = ({ x, y }: Drawn, key: string, piece: () => Piece): void => {
        const sprite = spriteOf(`${key}|${density}`, density, piece);
        if (sprite) ctx.drawImage(sprite.image, Math.round(x * density) + sprite.left, Math.round(y * density) + sprite.top);
      };
      for (const one of drawn) {
        if (ctx.globalAlpha !== one.alpha) ctx.globalAlpha = one.alpha;
        stamp(one, glyphKey(one), () => ({ marks: glyph(one, true), box: around({ x: 0, y: 0 }, glyphReach(one)) }));
        if (one.under === 0) continue;
        // The number by itself, for it changes often.
        stamp(one, `${one.under} ${one.s}`, () => {
          const { marks, box } = heapCount(one.s, one.under + 1, measure);
          return { marks, box: grown(box, 1) };
        });
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
