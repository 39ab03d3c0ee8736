// A client as a pawn, its feet 25 below the origin and its head 30 above.
import { disc, ellipse, PAWN_BODY } from "./outlines";
import { type Mark, type Piece } from "./marks";

export type ClientOptions = { name: string; selected?: boolean; hover?: boolean };

export function client({ name, selected = false, hover = false }: ClientOptions): Piece {
  const dy = hover ? -3 : 0;
  const marks: Mark[] = [];
  if (selected) marks.push({ d: disc(40), stroke: "ring", width: 3, dy: -1 });
  const size = [...name].length <= 2 ? 13 : [...name].length === 3 ? 11.5 : 9.5;
  marks.push(
    { d: ellipse(24, 7), fill: "shadow", dy: 27 },
    { d: PAWN_BODY, fill: "lip-m-client", dy: 4 },
    { d: PAWN_BODY, fill: "m-client", dy },
    { d: disc(13), fill: "lip-m-client", dy: -15 + dy },
    { d: disc(13), fill: "m-client", dy: -17 + dy },
    { text: shown(name), x: 0, y: 19 + dy, size, weight: 800, anchor: "middle", fill: "i-client" },
  );
  return { marks, box: { x: -24, y: -32, width: 48, height: 68 } };
}

/** A long name is cut: all of it stands in the accessible name and in the panes. */
const shown = (name: string): string => ([...name].length > 4 ? `${[...name].slice(0, 3).join("")}…` : name);
