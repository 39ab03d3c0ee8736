// The contrast and the distances that the visual specification states, recomputed from tokens.css.
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

const css = readFileSync(new URL("../src/styles/tokens.css", import.meta.url), "utf8").replace(/\/\*[\s\S]*?\*\//g, "");

type Tokens = Map<string, string>;
type Rgb = [number, number, number];

/** The declarations of the first block whose selector, in front of it, ends in `selector`, after `from`. */
function block(selector: string, from = 0): Tokens {
  const start = css.indexOf(selector, from);
  const open = css.indexOf("{", start);
  const body = css.slice(open + 1, css.indexOf("}", open));
  return new Map([...body.matchAll(/--([\w-]+):\s*([^;]+);/g)].map((m) => [m[1] ?? "", (m[2] ?? "").trim()]));
}

const light = block('[data-theme="light"] {');
const dark = block('[data-theme="dark"] {');
const system = block(":root:not([data-theme]) {", css.indexOf("prefers-color-scheme: dark"));
const shared = block(":root,\n[data-theme] {");
const moreLight = block('[data-theme="light"] {', css.indexOf("prefers-contrast: more"));
const moreDark = block('[data-theme="dark"] {', css.indexOf("prefers-contrast: more"));
const forced = block("[data-theme][data-theme] {");

const THEMES: [string, Tokens][] = [["light", light], ["dark", dark]];

function rgb(tokens: Tokens, name: string): Rgb {
  const hex = tokens.get(name) ?? shared.get(name) ?? "";
  const m = /^#([0-9A-F]{2})([0-9A-F]{2})([0-9A-F]{2})$/i.exec(hex);
  if (!m) throw new Error(`--${name} is no plain colour: ${hex}`);
  return [1, 2, 3].map((i) => parseInt(m[i] ?? "", 16) / 255) as Rgb;
}

const linear = (c: number): number => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);

function contrast(a: Rgb, b: Rgb): number {
  const y = (c: Rgb): number => 0.2126 * linear(c[0]) + 0.7152 * linear(c[1]) + 0.0722 * linear(c[2]);
  const [hi, lo] = [Math.max(y(a), y(b)), Math.min(y(a), y(b))];
  return (hi + 0.05) / (lo + 0.05);
}

type Matrix = [Rgb, Rgb, Rgb];
/** Machado, Oliveira and Fernandes 2009, severity 1. */
const SIGHTS: Record<string, Matrix> = {
  normal: [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
  protan: [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
  deutan: [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
  tritan: [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
};

const times = (m: Matrix, v: Rgb): Rgb => m.map((row) => row[0] * v[0] + row[1] * v[1] + row[2] * v[2]) as Rgb;

/** OKLab of a colour as it is seen with this sight. */
function oklab(color: Rgb, sight: Matrix): Rgb {
  const seen = times(sight, color.map(linear) as Rgb).map((c) => Math.max(0, Math.min(1, c))) as Rgb;
  const lms = times([
    [0.4122214708, 0.5363325363, 0.0514459929], [0.2119034982, 0.6806995451, 0.1073969566], [0.0883024619, 0.2817188376, 0.6299787005],
  ], seen).map(Math.cbrt) as Rgb;
  return times([
    [0.2104542553, 0.793617785, -0.0040720468], [1.9779984951, -2.428592205, 0.4505937099], [0.0259040371, 0.7827717662, -0.808675766],
  ], lms);
}

/** The two names of a group that are nearest to each other with any sight, and how near. */
function nearest(tokens: Tokens, names: string[]): { distance: number; pair: string } {
  let best = { distance: Infinity, pair: "" };
  for (const [sight, matrix] of Object.entries(SIGHTS)) {
    names.forEach((a, i) => {
      for (const b of names.slice(i + 1)) {
        const [p, q] = [oklab(rgb(tokens, a), matrix), oklab(rgb(tokens, b), matrix)];
        const distance = Math.hypot(p[0] - q[0], p[1] - q[1], p[2] - q[2]);
        if (distance < best.distance) best = { distance, pair: `${a} and ${b}, ${sight}` };
      }
    });
  }
  return best;
}

const ROLES = ["looking", "following", "leading", "observing", "down"];
const FAMILIES = ["election", "sync", "broadcast", "client", "heartbeat", "lost"];
const EPOCHS = ["e1", "e2", "e3", "e4", "e5", "e6"];

describe("tokens", () => {
  it("say the same for the dark theme twice", () => {
    expect([...system]).toEqual([...dark]);
    expect([...light.keys()].sort()).toEqual([...dark.keys()].sort());
    expect([...moreLight.keys()].sort()).toEqual([...moreDark.keys()].sort());
  });

  it("give every colour a system colour where colours are forced", () => {
    const colours = [...light.keys(), ...[...shared.keys()].filter((name) => /^(e\d|cell-ink|edge|chevron|lip-)/.test(name))].filter((name) => !/^lip-[sml]$/.test(name));
    expect(colours.filter((name) => !forced.has(name))).toEqual([]);
    expect([...forced.values()].filter((value) => value.startsWith("#"))).toEqual([]);
  });

  for (const [name, theme] of THEMES) {
    const against = (a: string, b: string): number => contrast(rgb(theme, a), rgb(theme, b));

    it(`read well in the ${name} theme`, () => {
      for (const ground of ["bg", "board", "surface", "raised", "spot", "sel"]) {
        expect(against("text", ground), `text on ${ground}`).toBeGreaterThanOrEqual(7);
        expect(against("muted", ground), `muted on ${ground}`).toBeGreaterThanOrEqual(4.5);
      }
      for (const ink of ["link", "ok", "danger"]) {
        expect(against(ink, "surface"), ink).toBeGreaterThanOrEqual(4.5);
        expect(against(ink, "board"), ink).toBeGreaterThanOrEqual(4.5);
      }
      expect(against("muted", "holec"), "what is expected in a slot").toBeGreaterThanOrEqual(4.5);
      expect(against("ink-btn-text", "ink-btn")).toBeGreaterThanOrEqual(7);
      expect(against("board", "text"), "a note").toBeGreaterThanOrEqual(7);
    });

    it(`has inks that read on every fill in the ${name} theme`, () => {
      for (const family of FAMILIES) expect(against(`i-${family}`, `m-${family}`), family).toBeGreaterThanOrEqual(4.5);
      for (const role of ["following", "leading", "observing"]) expect(against(`face-${role}`, role), role).toBeGreaterThanOrEqual(4.5);
      for (const epoch of EPOCHS) expect(against("cell-ink", epoch), epoch).toBeGreaterThanOrEqual(6);
    });

    it(`sets everything with a meaning off its ground in the ${name} theme`, () => {
      for (const role of ROLES) expect(against(role, "board"), role).toBeGreaterThanOrEqual(3);
      for (const family of FAMILIES) expect(against(`m-${family}`, "board"), family).toBeGreaterThanOrEqual(3);
      for (const ground of ["board", "surface", "bg"]) {
        expect(against("ring", ground), `ring on ${ground}`).toBeGreaterThanOrEqual(3);
        expect(against("line", ground), `line on ${ground}`).toBeGreaterThanOrEqual(3);
      }
    });

    it(`tells roles apart with any sight in the ${name} theme`, () => {
      const { distance, pair } = nearest(theme, ROLES);
      expect(distance, pair).toBeGreaterThanOrEqual(0.15);
    });

    it(`tells packets and epochs as far apart as stated in the ${name} theme`, () => {
      const families = nearest(theme, FAMILIES.map((family) => `m-${family}`));
      expect(families.distance, families.pair).toBeGreaterThanOrEqual(name === "light" ? 0.118 : 0.147);
      const epochs = nearest(theme, EPOCHS);
      expect(epochs.distance, epochs.pair).toBeGreaterThanOrEqual(0.119);
    });
  }

  it("have the figures of the specification", () => {
    const near = (tokens: Tokens, a: string, b: string): number => contrast(rgb(tokens, a), rgb(tokens, b));
    expect(near(light, "text", "board")).toBeCloseTo(16.2, 0);
    expect(near(dark, "text", "board")).toBeCloseTo(15.2, 0);
    expect(near(light, "muted", "board")).toBeCloseTo(6.7, 1);
    expect(near(dark, "muted", "board")).toBeCloseTo(8.1, 1);
    expect(near(light, "line", "board")).toBeCloseTo(3.9, 1);
    expect(near(dark, "line", "board")).toBeCloseTo(4.6, 1);
    expect(near(light, "ring", "board")).toBeCloseTo(6.2, 1);
    expect(near(dark, "ring", "board")).toBeCloseTo(12.4, 1);
    expect(nearest(light, ROLES).distance).toBeCloseTo(0.151, 2);
    expect(nearest(dark, ROLES).distance).toBeCloseTo(0.151, 2);
  });

  it("sharpen lines and quiet words where more contrast is asked for", () => {
    for (const [more, theme] of [[moreLight, light], [moreDark, dark]] as const) {
      const board = rgb(theme, "board");
      expect(contrast(rgb(more, "muted"), board)).toBeGreaterThan(contrast(rgb(theme, "muted"), board));
      expect(contrast(rgb(more, "line"), board)).toBeGreaterThanOrEqual(4.5);
      expect(contrast(rgb(more, "hair"), board)).toBeGreaterThanOrEqual(3);
    }
  });
});
