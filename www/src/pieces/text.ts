// How wide words will be, without a page: so that layouts can be computed anywhere. A page may hand in its own measure.

/** The width in pixels of a text at a size and weight. */
export type Measure = (text: string, size: number, weight: number) => number;

// Shares of the size, from a wide system font: a chip that is a little too roomy is better than one that clips.
const NARROW = new Set("iljI.,:;'|!·()[]/ ");
const WIDE = new Set("mwMW@%");

export const estimate: Measure = (text, size, weight) => {
  let em = 0;
  for (const char of text) {
    const code = char.codePointAt(0) ?? 0;
    if (code >= 0x2e80) em += 1;
    else if (NARROW.has(char)) em += 0.37;
    else if (WIDE.has(char)) em += 0.98;
    else if (char >= "A" && char <= "Z") em += 0.75;
    else em += 0.655;
  }
  return em * size * (weight >= 600 ? 1.04 : 0.95);
};

/** Measures with the fonts of the page; answers are kept. */
export function measureWith(font: string): Measure {
  const ctx = document.createElement("canvas").getContext("2d");
  if (!ctx) return estimate;
  const known = new Map<string, number>();
  return (text, size, weight) => {
    const key = `${size} ${weight} ${text}`;
    let width = known.get(key);
    if (width === undefined) {
      ctx.font = `${weight} ${size}px ${font}`;
      width = ctx.measureText(text).width;
      if (known.size > 4000) known.clear();
      known.set(key, width);
    }
    return width;
  };
}
