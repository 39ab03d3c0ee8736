// A reader of the lab: what they do, by mouse or by keys alone, and what the core says of it.
import type { Page } from "playwright-core";
import { expect } from "vitest";

import type { LabApi } from "../../www/src/model/api";
import { waitFor } from "./harness";

declare global {
  interface Window {
    zablab: { lab: LabApi };
  }
}

/** What the core says at the cursor: no picture is asked, no word of the page. */
export type State = {
  branch: number;
  position: number;
  at_us: number;
  branches: number;
  playing: boolean;
  /** By server: role, phase, leader, last zxid; `null` if it is down. */
  servers: ({ role: string; phase: string; leader: number | null; last: string; votes: number | null } | null)[];
  flights: { id: string; kind: string; from: string; to: string }[];
  /** By client: the server that it is connected to. */
  clients: (number | null)[];
  results: string[];
};

/** Runs in the page. */
const look = (): State => {
  const { lab } = window.zablab;
  const { picture } = lab;
  if (!picture) throw new Error("nothing is open");
  return {
    branch: lab.cursor.branch,
    position: lab.cursor.position,
    at_us: picture.at_us,
    branches: lab.lanes.length,
    playing: lab.playing,
    servers: picture.servers.map(({ up }) => up && {
      role: up.role, phase: up.phase, leader: up.leader,
      last: `${up.last_processed.epoch}.${up.last_processed.counter}`,
      votes: up.vote?.leader ?? null,
    }),
    flights: picture.flights.map(({ flight: { id, kind, from, to } }) => ({ id, kind, from, to })),
    clients: picture.clients.map((client) => client.state === "Connected" ? client.server : null),
    results: picture.clients.flatMap(({ done }) => done.map(({ op, result }) => `${op} ${result}`)),
  };
};

export const state = (page: Page): Promise<State> => page.evaluate(look);

/** Waits until the core has come, has opened what the page begins with, and nothing moves. */
export const opened = (page: Page): Promise<void> =>
  waitFor(page, () => {
    const lab = window.zablab?.lab;
    return lab !== undefined && lab.picture !== null && !lab.playing && !lab.working;
  });

/** Everything that the picture is made of, as text. */
export const pictureText = (page: Page): Promise<string> => page.evaluate(() =>
  JSON.stringify({ ...window.zablab.lab.picture, fresh: [] }));

/** How a reader acts. */
export type Hands = {
  name: string;
  /** A new ensemble whose last server is down, playing. */
  beginLate: (page: Page) => Promise<void>;
  start: (page: Page, sid: number) => Promise<void>;
  crash: (page: Page, sid: number) => Promise<void>;
  write: (page: Page, path: string) => Promise<void>;
  play: (page: Page) => Promise<void>;
  pause: (page: Page) => Promise<void>;
  forward: (page: Page) => Promise<void>;
  back: (page: Page) => Promise<void>;
};

const piece = (page: Page, sid: number) => page.locator(`button[data-host="s${sid}"]`);

export const mouse: Hands = {
  name: "by mouse",
  beginLate: async (page) => {
    await page.locator(".top button.new").click();
    await page.locator('dialog input[value="late"]').check();
    await page.locator("dialog button.primary").click();
  },
  start: async (page, sid) => {
    await piece(page, sid).click({ button: "right" });
    await page.locator('.act-menu [data-act="start"]').click();
  },
  crash: async (page, sid) => {
    await piece(page, sid).click();
    await page.locator('.faults [data-act="crash"]').click();
  },
  write: async (page, path) => {
    await page.locator('.faults [data-act="write"]').click();
    const form = page.locator("form[data-client]").first();
    await form.locator("input[name=path]").fill(path);
    await form.locator("button[type=submit]").click();
  },
  play: async (page) => {
    if (!(await state(page)).playing) await page.locator(".time .play").click();
  },
  pause: async (page) => {
    if ((await state(page)).playing) await page.locator(".time .play").click();
  },
  forward: (page) => page.locator(".time .turn").nth(2).click(),
  back: (page) => page.locator(".time .turn").nth(1).click(),
};

/** Tab, until something of this selector has the focus. */
const tabTo = async (page: Page, selector: string): Promise<void> => {
  for (let n = 0; n < 120; n += 1) {
    if (await page.evaluate((wanted) => document.activeElement?.matches(wanted) ?? false, selector)) return;
    await page.keyboard.press("Tab");
  }
  throw new Error(`Tab never comes to ${selector}`);
};

export const keys: Hands = {
  name: "by keys alone",
  beginLate: async (page) => {
    await tabTo(page, ".top button.new");
    await page.keyboard.press("Enter");
    await tabTo(page, "dialog input[type=radio]");
    await page.keyboard.press("ArrowDown");
    await tabTo(page, "dialog button.primary");
    await page.keyboard.press("Enter");
  },
  start: async (page, sid) => {
    await page.keyboard.press(String(sid));
    await page.keyboard.press("x");
  },
  crash: async (page, sid) => {
    await page.keyboard.press(String(sid));
    await page.keyboard.press("x");
  },
  write: async (page, path) => {
    await page.keyboard.press("w");
    await page.locator("form[data-client] input[name=path]:focus").waitFor();
    await page.keyboard.press("Control+A");
    await page.keyboard.type(path);
    await page.keyboard.press("Enter");
    // Back to the stage, where letters are keys again.
    await tabTo(page, "button[data-host]");
  },
  play: async (page) => {
    if (!(await state(page)).playing) await onStage(page, " ");
  },
  pause: async (page) => {
    if ((await state(page)).playing) await onStage(page, " ");
  },
  forward: (page) => page.keyboard.press("."),
  back: (page) => page.keyboard.press(","),
};

/** A key that a button would take for itself is pressed where no button has the focus. */
const onStage = async (page: Page, key: string): Promise<void> => {
  await tabTo(page, "#pane");
  await page.keyboard.press(key);
};

/** Waits until the core says so; the page plays meanwhile. */
export const until = async (
  page: Page, what: string, holds: (state: State) => boolean, ms = 60_000,
): Promise<State> => {
  const deadline = Date.now() + ms;
  for (;;) {
    const now = await state(page);
    if (holds(now)) return now;
    expect(Date.now(), `${what}: ${JSON.stringify(now.servers)}`).toBeLessThan(deadline);
    await page.waitForTimeout(100);
  }
};
