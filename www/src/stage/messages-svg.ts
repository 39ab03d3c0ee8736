// Messages as SVG elements, moved by hand: an element is made when a message appears or looks different, and afterwards
// only its transform is written. For up to some sixty messages; above that messages-canvas.ts takes over.
import { elementsOf, fix, type Box, type Mark } from "../pieces/marks";
import type { Measure } from "../pieces/text";
import { heapCount } from "../pieces/token";
import type { Drawn } from "./flights";
import type { Layout } from "./layout";
import { glyph, glyphKey, tagOf, tagPlace } from "./message-glyphs";

const SVG = "http://www.w3.org/2000/svg";

type Shown = { element: SVGGElement; key: string; transform: string; opacity: string };

export type MessageLayer = { draw(drawn: Drawn[], layout: Layout, taken: Box[]): void; clear(): void };

export function svgMessages(tokens: SVGGElement, papers: SVGGElement, tags: SVGGElement, measure: Measure): MessageLayer {
  const shown = new Map<string, Shown>();
  const shownTags = new Map<string, Shown>();

  const put = (
    all: Map<string, Shown>, layer: SVGGElement, id: string, key: string, marks: () => Mark[], x: number, y: number, alpha: number,
  ): void => {
    let one = all.get(id);
    if (!one) {
      const element = document.createElementNS(SVG, "g");
      element.dataset["id"] = id;
      layer.append(element);
      one = { element, key: "", transform: "", opacity: "" };
      all.set(id, one);
    }
    if (one.key !== key) {
      one.element.replaceChildren(...elementsOf(marks()));
      one.key = key;
    }
    const transform = `translate(${fix(x)} ${fix(y)})`;
    if (one.transform !== transform) {
      one.element.setAttribute("transform", transform);
      one.transform = transform;
    }
    const opacity = alpha >= 1 ? "" : fix(alpha);
    if (one.opacity !== opacity) {
      if (opacity) one.element.setAttribute("opacity", opacity);
      else one.element.removeAttribute("opacity");
      one.opacity = opacity;
    }
  };

  const drop = (all: Map<string, Shown>, kept: Set<string>): void => {
    for (const [id, one] of all) {
      if (kept.has(id)) continue;
      one.element.remove();
      all.delete(id);
    }
  };

  return {
    draw(drawn, layout, taken) {
      const there = new Set<string>();
      const tagged = new Set<string>();
      // Tags keep off each other too: the first keeps its place.
      const blocked = [...taken];
      for (const one of drawn) {
        there.add(one.id);
        const number = (): Mark[] => (one.under > 0 ? heapCount(one.s, one.under + 1, measure).marks : []);
        const marks = (): Mark[] => [...glyph(one, false), ...number()];
        put(shown, tokens, one.id, `${glyphKey(one)}|${one.under}`, marks, one.x, one.y, one.alpha);
        // What was dropped says so by its shape; what is held and selected has a note beside it.
        const tag = one.tagged && one.state !== "dropped" && !(one.selected && one.state === "held") ? tagOf(one, measure) : null;
        const place = tag && tagPlace(one, tag, layout, blocked);
        if (!tag || !place) continue;
        tagged.add(one.id);
        if (!tag.ballot) blocked.push({ ...place, width: tag.width, height: tag.height });
        // A ballot follows its message out of the sender and into the receiver: it lies under the pieces.
        put(shownTags, tag.ballot ? papers : tags, one.id, tag.key, () => tag.marks, place.x, place.y, one.alpha);
      }
      drop(shown, there);
      drop(shownTags, tagged);
    },
    clear() {
      drop(shown, new Set());
      drop(shownTags, new Set());
    },
  };
}
