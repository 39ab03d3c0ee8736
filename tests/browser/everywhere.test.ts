// Every pane, dialog and menu, for every reader: axe finds nothing there, nothing is too wide, and
// a picture of it is kept to be looked at.
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { LANGUAGES, SIZES, THEMES, axeFindings, launch, picture, sideways, waitFor } from "./harness";
import type { Lab, Language, Size } from "./harness";
import { opened } from "./reader";

let lab: Lab;
beforeAll(async () => {
  lab = await launch();
});
afterAll(() => lab.close());

/** What scrolls sideways by design: rows of buttons where there is little height, and the logs. */
const MAY_SCROLL = ".faults, .lanes, .inspector .region";

const TABS = ["server", "message", "votes", "log", "clients"] as const;

/**
 * To a moment with much to see: a server lies dead, a write is on its way to the others, one of its
 * messages is held, and a branch was begun. Runs in the page.
 */
const rich = async (): Promise<void> => {
  const { lab } = window.zablab;
  const steps = async (holds: () => boolean): Promise<void> => {
    for (let n = 0; n < 400 && !holds(); n += 1) await lab.stepForward();
    if (!holds()) throw new Error("this moment never comes");
  };
  const serving = (): number => lab.picture?.servers.filter(({ up }) => up?.serving).length ?? 0;
  await steps(() => serving() === 3 && lab.picture?.clients[0]?.state === "Connected");
  await lab.act('c1: create /first "hello"');
  await steps(() => lab.picture?.flights.some(({ flight }) => flight.kind === "PROPOSAL") ?? false);
  await lab.stepForward();
  await lab.stepForward();
  lab.stepBack();
  lab.stepBack();
  const proposal = lab.picture?.flights.find(({ flight }) => flight.kind === "PROPOSAL")?.flight;
  if (!proposal) throw new Error("the proposal is gone");
  await lab.step(`hold ${proposal.id}`);
  await lab.act("crash 1");
};

type Place = {
  name: string;
  /** Opens it. */
  show: (page: Page) => Promise<void>;
  /** What axe looks at; without it, the whole page. */
  within?: string;
  /** True if it shows both themes at once. */
  bothThemes?: boolean;
  /** Leaves it. */
  leave?: (page: Page) => Promise<void>;
};

const piece = (host: string): string => `button[data-host="${host}"]`;
const escape = (page: Page): Promise<void> => page.keyboard.press("Escape");
const gone = (selector: string) => async (page: Page): Promise<void> => {
  await escape(page);
  await page.locator(selector).waitFor({ state: "detached" });
};

/** Whatever the width: the pane of a tab, as much of it as there is room for. */
const showTab = async (page: Page, tab: string): Promise<void> => {
  const details = page.locator(".details");
  if (await details.count() > 0 && await details.getAttribute("aria-expanded") === "false") await details.click();
  await page.locator(`#tab-${tab}`).click();
  const handle = page.locator(".handle");
  for (let n = 0; n < 2 && await handle.count() > 0; n += 1) {
    if (await page.locator(".inspector").getAttribute("data-sheet") === "2") break;
    await handle.click();
  }
  await page.locator("#pane .pane-body").waitFor();
};
const foldSheet = async (page: Page): Promise<void> => {
  const handle = page.locator(".handle");
  while (await handle.count() > 0 && await page.locator(".inspector").getAttribute("data-sheet") !== "0") await handle.click();
};
/** A client's piece, which the pane beside it must not cover, shows the same pane. */
const aClient = async (page: Page): Promise<void> => {
  await page.locator("#tab-server").click();
  await foldSheet(page);
  await page.locator(piece("c1")).click();
  await page.locator("#tab-clients[aria-selected=true]").waitFor();
  await showTab(page, "clients");
};
const dialog = (name: string, open: (page: Page) => Promise<void>): Place => ({
  name, show: async (page) => {
    await open(page);
    await page.locator("dialog[open]").waitFor();
  }, within: "dialog", leave: gone("dialog"),
});

const PLACES: Place[] = [
  { name: "rest", show: async () => {} },
  { name: "moment", show: async (page) => {
    await page.evaluate(rich);
    await opened(page);
  } },
  { name: "menu-server", show: (page) => page.locator(piece("s2")).click({ button: "right" }), within: ".act-menu", leave: gone(".act-menu") },
  { name: "menu-down", show: (page) => page.locator(piece("s1")).click({ button: "right" }), within: ".act-menu", leave: gone(".act-menu") },
  { name: "menu-client", show: async (page) => {
    // By keys alone: the first Enter selects it, the second opens its menu.
    await page.locator(piece("c1")).focus();
    await page.keyboard.press("Enter");
    await page.keyboard.press("Enter");
    await page.locator(".act-menu [data-act=disconnect]").waitFor();
  }, within: ".act-menu", leave: gone(".act-menu") },
  { name: "menu-message", show: async (page) => {
    // A message is nobody's button: it is reached from a server by the arrows.
    await page.locator(piece("s3")).focus();
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    await page.locator(".act-menu [data-act=drop]").waitFor();
  }, within: ".act-menu", leave: gone(".act-menu") },
  dialog("ensemble", (page) => page.locator(".top .new").click()),
  dialog("share", async (page) => {
    await page.locator(".top .share").click();
    await waitFor(page, () => document.querySelector<HTMLInputElement>("#share-link")?.value);
  }),
  dialog("settings", (page) => page.locator(".top .settings").click()),
  dialog("help", (page) => page.locator(".top .help").click()),
  ...TABS.map((tab): Place => ({
    name: tab, show: async (page) => {
      await page.evaluate(() => window.zablab.lab.select({ kind: "server", sid: 2 }));
      await showTab(page, tab);
      if (tab === "message") await page.locator("#pane .pane-pick").first().click();
      if (tab === "clients") await aClient(page);
    }, within: ".inspector",
  })),
  { name: "client-line", show: async (page) => {
    await showTab(page, "clients");
    const more = page.locator("#pane details");
    if (await more.getAttribute("open") === null) await more.locator("summary").click();
    await more.locator("button", { hasText: "multi" }).click();
    await more.locator("[type=submit]").scrollIntoViewIfNeeded();
  }, within: ".inspector" },
  { name: "link", show: async (page) => {
    await page.evaluate(() => window.zablab.lab.select({ kind: "way", a: "s2", b: "s3" }));
    await showTab(page, "server");
    await page.locator("#pane .pane-row .button").nth(3).waitFor();
  }, within: ".inspector" },
  { name: "paxos", show: async (page) => {
    await page.evaluate(async () => {
      const { lab } = window.zablab;
      const given = "zablab script 1\ngiven paxos acceptors 3\ngiven paxos proposers 2\ngiven paxos learners 1\n";
      await lab.open(given, ["cut P2 from A3", 'P1: propose "v1"', 'P2: prepare 7 "v2"', "crash A2"]);
      for (let n = 0; n < 4; n += 1) await lab.stepForward();
    });
    await foldSheet(page);
    await page.locator(piece("s11")).click();
  } },
  { name: "paxos-process", show: async (page) => {
    await showTab(page, "server");
    await page.locator("[name=proposal]").waitFor();
  }, within: ".inspector" },
  { name: "pieces", show: async (page) => {
    await page.evaluate(() => { window.location.hash = "#/pieces"; });
    await page.locator("#app .sheet").first().waitFor();
  }, bothThemes: true },
];

/** What is wrong in all these places, for a reader of this language and width, in both themes. */
const walk = async (language: Language, width: string, size: Size): Promise<string[]> => {
  const { page, close } = await lab.open({ language, size, calm: true });
  await opened(page);
  expect(await page.getAttribute("html", "lang")).toBe(language);
  const wrong: string[] = [];
  for (const { name, show, within, bothThemes, leave } of PLACES) {
    await show(page);
    if (within) await page.locator(within).first().waitFor();
    const say = (found: string[], how: string): void => {
      wrong.push(...found.map((one) => `${language}, ${width}, ${name}, ${how}: ${one}`));
    };
    say(await sideways(page, MAY_SCROLL), "sideways");
    for (const theme of bothThemes ? THEMES.slice(0, 1) : THEMES) {
      await page.emulateMedia({ colorScheme: theme });
      // Only colours differ between the themes.
      const only = theme === "dark" ? { only: ["color-contrast"] } : {};
      say(await axeFindings(page, { ...only, ...(within ? { within } : {}) }), theme);
      await picture(page, `${width}-${name}-${language}-${theme}`);
    }
    await page.emulateMedia({ colorScheme: "light" });
    await leave?.(page);
  }
  await close();
  return wrong;
};

describe.each(Object.entries(SIZES))("on a %s", (width, size) => {
  test("nothing is wrong anywhere, in either language", async () => {
    // Side by side: they wait for each other's drawing less than for their own.
    const wrong = await Promise.all(LANGUAGES.map((language) => walk(language, width, size)));
    expect(wrong.flat().join("\n\n")).toBe("");
  }, 400_000);
});
