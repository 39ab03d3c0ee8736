import { describe, expect, it } from "vitest";
import { clientBox } from "../src/stage/clients";
import { distance, inside, overlap } from "../src/stage/geometry";
import { layout, pieceBox, type BoardInput, type Layout } from "../src/stage/layout";
import type { Box } from "../src/pieces/marks";

/** Many boards are laid out; a busy machine takes its time. */
const PATIENCE = { timeout: 120_000 };

const WIDTHS = { word: 96, above: 96, chip: 86, tag: 56 };
const BOARDS: [number, number][] = [
  [340, 300], [390, 312], [346, 346], [480, 360], [560, 420], [640, 480], [680, 415], [732, 604], [800, 450], [1024, 352], [1100, 700],
];

function make(servers: number, clients: number, width: number, height: number): BoardInput {
  return {
    width, height, widths: WIDTHS,
    servers: Array.from({ length: servers }, (_, i) => i + 1),
    clients: Array.from({ length: clients }, (_, i) => ({ host: `c${i + 1}`, server: (i % servers) + 1 })),
  };
}

function boxes(made: Layout): { name: string; box: Box }[] {
  return [
    ...made.servers.map((one) => ({ name: `piece ${one.sid}`, box: pieceBox(one, made.r - 4) })),
    ...made.servers.flatMap((one) => (one.label ? [{ name: `label ${one.sid}`, box: one.label.box }] : [])),
    ...made.clients.map((one) => ({ name: one.host, box: clientBox(one, one.scale) })),
  ];
}

function faults(made: Layout): string[] {
  const all = boxes(made);
  const out: string[] = [];
  all.forEach((a, i) => {
    if (!inside(a.box, made.width, made.height, 0)) out.push(`${a.name} leaves the board`);
    for (const b of all.slice(i + 1)) {
      const both = a.name.startsWith("piece") && b.name.startsWith("piece");
      if (!both && overlap(a.box, b.box)) out.push(`${a.name} on ${b.name}`);
    }
  });
  made.servers.forEach((a, i) => {
    for (const b of made.servers.slice(i + 1)) if (distance(a, b) < 2 * made.r + 12) out.push(`S${a.sid} on S${b.sid}`);
  });
  return out;
}

describe("layout", () => {
  for (const [width, height] of BOARDS) {
    it(`lays nothing on anything else at ${width} by ${height}`, PATIENCE, () => {
      for (let servers = 1; servers <= 9; servers++) {
        for (let clients = 0; clients <= 8; clients++) {
          const made = layout(make(servers, clients, width, height));
          expect(faults(made), `${servers} servers, ${clients} clients, ${made.form}, r ${made.r}`).toEqual([]);
        }
      }
    });
  }

  it("holds when all clients hang on one server", PATIENCE, () => {
    for (const [width, height] of BOARDS) {
      for (const servers of [3, 5, 7]) {
        for (const at of [1, 2, 3]) {
          const input = make(servers, 8, width, height);
          input.clients = input.clients.map((one) => ({ ...one, server: at }));
          expect(faults(layout(input)), `${servers} servers at ${width} by ${height}, all at ${at}`).toEqual([]);
        }
      }
    }
  });

  it("puts S1 at the top and goes clockwise", () => {
    const made = layout(make(5, 0, 732, 604));
    const [one, two, , , five] = made.servers;
    expect(one?.x).toBeCloseTo(366);
    expect(two && five && two.x > five.x).toBe(true);
    expect(Math.min(...made.servers.map((server) => server.y))).toBe(one?.y);
  });

  it("shows three lines of words for up to five servers on a full board, two for seven, one for nine", () => {
    expect(layout(make(5, 2, 732, 604)).form).toBe("full");
    expect(layout(make(7, 2, 732, 604)).form).toBe("short");
    expect(layout(make(9, 2, 732, 604)).form).toBe("tag");
  });

  it("uses the radii of the specification", () => {
    expect(layout(make(3, 2, 732, 604)).r).toBe(37);
    expect(layout(make(5, 2, 680, 470)).r).toBe(36);
    expect(layout(make(7, 2, 732, 604)).r).toBe(27);
    expect(layout(make(9, 2, 732, 604)).r).toBe(24);
    expect(layout(make(5, 2, 390, 312)).r).toBe(25);
  });
});
