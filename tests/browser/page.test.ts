// How the page behaves towards the machine and the host. How it looks is in everywhere.test.ts.
import { afterAll, beforeAll, expect, test } from "vitest";

import { framesAskedIn, launch, waitFor } from "./harness";
import type { Lab } from "./harness";
import { opened } from "./reader";

let lab: Lab;
beforeAll(async () => {
  lab = await launch();
});
afterAll(() => lab.close());

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
