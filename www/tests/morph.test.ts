import { describe, expect, it } from "vitest";
import { between, changing } from "../src/pieces/morph";
import { isGroup, isText, type Mark } from "../src/pieces/marks";
import type { ServerLook } from "../src/pieces/server";

const numbers = (d: string): number[] => (d.match(/-?\d+(\.\d+)?/g) ?? []).map(Number);
const farthest = (d: string): number => {
  const all = numbers(d);
  return Math.max(...all.flatMap((x, i) => (i % 2 === 0 ? [Math.hypot(x, all[i + 1] ?? 0)] : [])));
};

describe("an outline between two shapes", () => {
  it("begins as the one, ends as the other, and changes without a jump", () => {
    expect(farthest(between("disc", "disc", 0.5, 36))).toBeCloseTo(36, 1);
    expect(farthest(between("disc", "hexagon", 1, 36))).toBeGreaterThan(37);
    expect(between("square", "disc", 0, 36)).toBe(between("square", "square", 0.3, 36));
    let before = numbers(between("disc", "square", 0, 36));
    for (let step = 1; step <= 50; step += 1) {
      const after = numbers(between("disc", "square", step / 50, 36));
      expect(Math.max(...after.map((x, i) => Math.abs(x - (before[i] ?? 0))))).toBeLessThan(1);
      before = after;
    }
  });
});

describe("a server between two roles", () => {
  const LOOKS: ServerLook[] = ["Down", "Halted", "Settling", "Looking", "Following", "Leading", "Observing", "Standalone"];
  const texts = (marks: Mark[]): string[] =>
    marks.flatMap((mark) => (isText(mark) ? [mark.text] : isGroup(mark) ? texts(mark.marks) : []));

  it("keeps its number, and draws nothing that is no number", () => {
    for (const from of LOOKS) {
      for (const to of LOOKS) {
        for (const fresh of [0, 0.4, 0.9]) {
          const marks = changing(7, 36, from, to, fresh);
          expect(texts(marks), `${from} ${to}`).toContain("7");
          expect(JSON.stringify(marks)).not.toMatch(/NaN|null/);
        }
      }
    }
  });
});
