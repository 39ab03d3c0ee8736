// What must hold of the page as a whole, whatever it shows.
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { LANGUAGES, SIZES, THEMES, axeFindings, framesAskedIn, launch, picture, waitFor } from "./harness";
import type { Lab } from "./harness";
import { opened } from "./reader";

let lab: Lab;
beforeAll(async () => {
  lab = await launch();
});
afterAll(() => lab.close());

const readers = LANGUAGES.flatMap((language) =>
  THEMES.flatMap((theme) =>
    Object.entries(SIZES).map(([width, size]) => ({ language, theme, width, size })),
  ),
);

describe.each(readers)("in $language, $theme, on a $width", ({ language, theme, width, size }) => {
  test("nothing is wrong with it", async () => {
    const { page, close } = await lab.open({ language, theme, size, calm: true });
    await opened(page);
    expect(await page.getAttribute("html", "lang")).toBe(language);
    expect(await axeFindings(page)).toEqual([]);
    // A reader never scrolls sideways.
    const beyond = await page.evaluate(
      () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
    );
    expect(beyond).toBe(0);
    await picture(page, `page-${language}-${theme}-${width}`);
    await close();
  });
});

test("it plays by itself, and paused it asks for no animation frame", async () => {
  const { page, close } = await lab.open();
  await waitFor(page, () => window.zablab?.lab.playing);
  expect(await framesAskedIn(page, 500)).toBeGreaterThan(0);
  await page.keyboard.press("Space");
  await opened(page);
  await page.waitForTimeout(300);
  expect(await framesAskedIn(page, 1000)).toBe(0);
  await close();
});

test("it asks nothing of other hosts", async () => {
  const { page, requests, close } = await lab.open({ calm: true });
  await opened(page);
  const foreign = requests.filter((url) => !url.startsWith(lab.url) && !/^(data|blob):/.test(url));
  expect(foreign).toEqual([]);
  await close();
});

test("it works below a path of a host", async () => {
  const below = await launch("/courses/zab/");
  const { page, requests, close } = await below.open({ calm: true });
  await opened(page);
  expect(requests.every((url) => url.startsWith(below.url))).toBe(true);
  await close();
  await below.close();
});
