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

test("the core takes every example of what else a client can do", async () => {
  const { page, close } = await lab.open({ calm: true });
  await opened(page);
  await page.locator('button[data-host="c1"]').click();
  const more = page.locator("#pane details");
  await more.locator("summary").click();
  const examples = more.locator(".examples button");
  const count = await examples.count();
  expect(count).toBeGreaterThan(10);
  for (let n = 0; n < count; n += 1) {
    await examples.nth(n).click();
    const steps = await page.evaluate(() => window.zablab.lab.cursor.position);
    await more.locator("[type=submit]").click();
    await page.waitForFunction((before) => {
      const { cursor, problem } = window.zablab.lab;
      return cursor.position > before || problem !== null;
    }, steps, { polling: 50 });
    expect(await page.evaluate(() => window.zablab.lab.problem), await examples.nth(n).innerText()).toBeNull();
  }
  // What no client can do is said in the core's words.
  await more.locator("textarea").fill("fly /a");
  await more.locator("[type=submit]").click();
  await waitFor(page, () => window.zablab.lab.problem);
  await close();
});

test("every way to elect that a new run offers finds a leader", async () => {
  const { page, close } = await lab.open({ calm: true });
  for (const election of ["0", "1", "2", "3"]) {
    await opened(page);
    await page.locator(".top button.new").click();
    const name = await page.locator("dialog select[name=election]").evaluate((select: HTMLSelectElement, number) => {
      const place = [...select.options].findIndex(({ text }) => text.includes(`(${number})`));
      select.selectedIndex = place;
      select.dispatchEvent(new Event("change"));
      return select.options[place]?.text;
    }, election);
    await page.locator("dialog input[name=reconfig]").check();
    await page.locator("dialog button.primary").click();
    await page.locator("dialog").waitFor({ state: "detached" });
    const leader = await page.evaluate(async () => {
      const { lab } = window.zablab;
      const leads = (): number | undefined => lab.picture?.servers.find(({ up }) => up?.role === "Leading" && up.serving)?.sid;
      lab.pause();
      for (let n = 0; n < 600 && leads() === undefined; n += 1) await lab.stepForward();
      return leads() ?? lab.problem;
    });
    expect(leader, name).toBe(3);
  }
  await close();
}, 60_000);
