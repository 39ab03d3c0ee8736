// What must hold of the page as a whole, whatever it shows.
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { LANGUAGES, SIZES, THEMES, axeFindings, framesAskedIn, launch, picture } from "./harness";
import type { Lab } from "./harness";

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
    const { page, close } = await lab.open({ language, theme, size });
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

test("paused, it asks for no animation frame", async () => {
  const { page, close } = await lab.open();
  await page.waitForTimeout(500);
  expect(await framesAskedIn(page, 1000)).toBe(0);
  await close();
});

test("it asks nothing of other hosts", async () => {
  const { requests, close } = await lab.open();
  const foreign = requests.filter((url) => !url.startsWith(lab.url) && !/^(data|blob):/.test(url));
  expect(foreign).toEqual([]);
  await close();
});

test("it works below a path of a host", async () => {
  const below = await launch("/courses/zab/");
  const { page, requests, close } = await below.open();
  expect(await page.locator("#app > *").count()).toBeGreaterThan(0);
  expect(requests.every((url) => url.startsWith(below.url))).toBe(true);
  await close();
  await below.close();
});
