// The built page in Chromium: opening it as different readers would, and what must hold whenever
// it is open (nothing on the console, no failed request, nothing asked of other hosts).
import { mkdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

import { chromium } from "playwright-core";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { onTestFailed, onTestFinished } from "vitest";

import { serve } from "./server";

const CHROMIUM = process.env["CHROMIUM"] ?? "/usr/bin/chromium";
/** Longer than anything here takes on a busy machine. */
const PATIENCE_MS = 10_000;
const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const DIST = here("../../www/dist");
const PICTURES = here("../../target/pictures");

export type Language = "en" | "zh-CN";
export type Theme = "light" | "dark";
export type Size = { width: number; height: number };

export const LANGUAGES: Language[] = ["en", "zh-CN"];
export const THEMES: Theme[] = ["light", "dark"];
export const SIZES = {
  desktop: { width: 1440, height: 900 },
  tablet: { width: 1024, height: 768 },
  phone: { width: 390, height: 844 },
} satisfies Record<string, Size>;

export type Reader = {
  language?: Language;
  theme?: Theme;
  size?: Size;
  /** True for one who has asked the system for less motion. */
  calm?: boolean;
  /** What follows the page's address, such as `#/lab`. */
  route?: string;
};

/** One opened page, and what went wrong in it. */
export type Visit = {
  page: Page;
  /** All addresses that were asked for. */
  requests: string[];
  /** Errors and warnings of the console, uncaught errors, failed requests. */
  faults: string[];
  /** Ends the visit; throws if anything went wrong during it. */
  close: () => Promise<void>;
};

export type Lab = {
  url: string;
  open: (reader?: Reader) => Promise<Visit>;
  close: () => Promise<void>;
};

/** Starts a browser and a server for the page, at the root of its host or below `path`. */
export const launch = async (path = "/"): Promise<Lab> => {
  const server = await serve(DIST, path);
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
  return {
    url: server.url,
    open: (reader = {}) => visit(browser, server.url, reader),
    close: async () => {
      await browser.close();
      await server.close();
    },
  };
};

const visit = async (browser: Browser, url: string, reader: Reader): Promise<Visit> => {
  const { language = "en", theme = "light", size = SIZES.desktop, calm = false, route = "" } = reader;
  const context = await browser.newContext({
    viewport: size,
    locale: language,
    colorScheme: theme,
    reducedMotion: calm ? "reduce" : "no-preference",
    hasTouch: size.width < 720,
  });
  context.setDefaultTimeout(PATIENCE_MS);
  await context.addInitScript(countFrames);
  const page = await context.newPage();
  const { requests, faults } = watch(context, page);
  // What went wrong in the page is likelier the cause of a failure than its consequence.
  onTestFailed(() => { for (const fault of faults) console.error(fault); });
  onTestFinished(() => context.close());
  await page.goto(url + route);
  await page.locator("#app > *").first().waitFor();
  const close = async (): Promise<void> => {
    // What closing itself cuts off is no fault of the page.
    const found = [...faults];
    await context.close();
    if (found.length > 0) throw new Error(`the page is not clean:\n${found.join("\n")}`);
  };
  return { page, requests, faults, close };
};

const watch = (context: BrowserContext, page: Page): Pick<Visit, "requests" | "faults"> => {
  const requests: string[] = [];
  const faults: string[] = [];
  context.on("request", (request) => requests.push(request.url()));
  // Chromium may call a body aborted that was read to its end as a stream (the module's). Whether it
  // came is asked of the page: without it there is no core.
  const answered = new Set<string>();
  context.on("requestfailed", (request) => {
    const read = request.url().endsWith(".wasm") && answered.has(request.url());
    if (read && request.failure()?.errorText === "net::ERR_ABORTED") return;
    faults.push(`${request.url()}: ${request.failure()?.errorText ?? "failed"}`);
  });
  context.on("response", (response) => {
    if (response.ok()) answered.add(response.url());
    if (response.status() >= 400) faults.push(`${response.url()}: ${response.status()}`);
  });
  page.on("pageerror", (error) => faults.push(`uncaught: ${error.stack ?? error.message}`));
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) {
      faults.push(`console ${message.type()}: ${message.text()}`);
    }
  });
  return { requests, faults };
};

declare global {
  interface Window {
    /** How many animation frames the page has asked for. */
    framesAsked: number;
  }
}

/** Runs in the page before anything of its own. */
const countFrames = (): void => {
  window.framesAsked = 0;
  const ask = window.requestAnimationFrame.bind(window);
  window.requestAnimationFrame = (callback) => {
    window.framesAsked += 1;
    return ask(callback);
  };
};

/** Waits until the page says so. It is asked by the clock: to ask each frame would count as the page's. */
export const waitFor = async (page: Page, holds: () => unknown): Promise<void> => {
  await page.waitForFunction(holds, undefined, { polling: 50 });
};

/** How many animation frames the page asks for while nobody touches it for `ms`. */
export const framesAskedIn = (page: Page, ms: number): Promise<number> =>
  page.evaluate(async (wait) => {
    const before = window.framesAsked;
    await new Promise((done) => setTimeout(done, wait));
    return window.framesAsked - before;
  }, ms);

const AXE = createRequire(new URL("../../www/package.json", import.meta.url)).resolve("axe-core/axe.min.js");

type Finding = { id: string; help: string; nodes: { target: string[]; failureSummary: string }[] };
declare const axe: { run: (what: unknown, how: unknown) => Promise<{ violations: Finding[] }> };

/**
 * What axe finds in the page or in a part of it, against the guidelines (targets too, which it does
 * not look at unasked) and good practice; a line for each place.
 */
export const axeFindings = async (page: Page, { within, only }: { within?: string; only?: string[] } = {}): Promise<string[]> => {
  // Evaluated by the debugger: the page's own policy lets no foreign script in.
  if (!(await page.evaluate(() => "axe" in window))) await page.evaluate(await readFile(AXE, "utf8"));
  const violations = await page.evaluate(async ({ within, only }) => {
    const run = await axe.run(within === undefined ? document : { include: [[within]] }, {
      resultTypes: ["violations"],
      ...(only ? { runOnly: only } : { rules: { "target-size": { enabled: true } } }),
    });
    return run.violations.map(({ id, help, nodes }) => ({
      id, help, nodes: nodes.map(({ target, failureSummary }) => ({ target, failureSummary })),
    }));
  }, { within, only });
  return violations.flatMap(({ id, help, nodes }) =>
    nodes.map(({ target, failureSummary }) => `${id}: ${help}: ${target.join(" ")}\n${failureSummary}`),
  );
};

/**
 * What is too wide: the page itself, and whatever inside it scrolls sideways or is cut off there,
 * except what matches `may`; and controls that lie beyond the window's edge.
 */
export const sideways = (page: Page, may: string): Promise<string[]> => page.evaluate((may) => {
  const found: string[] = [];
  const say = (what: string, element: Element): void => {
    found.push(`${what}: ${element.tagName.toLowerCase()}.${[...element.classList].join(".")} "${(element.textContent ?? "").trim().slice(0, 40)}"`);
  };
  const root = document.documentElement;
  if (root.scrollWidth > root.clientWidth) say(`${root.scrollWidth - root.clientWidth} px too wide`, root);
  for (const element of document.querySelectorAll<HTMLElement>("body, body *:not(svg, svg *)")) {
    // Words for ears only are cut on purpose, and a single line of text in a field scrolls by itself.
    if (element.clientWidth <= 1 || element.matches("input, select") || element.closest(may)) continue;
    const over = element.scrollWidth - element.clientWidth;
    if (over > 1 && getComputedStyle(element).overflowX !== "visible") say(`${over} px hidden`, element);
    if (!element.matches("button, input, select, a")) continue;
    const box = element.getBoundingClientRect();
    if (box.width > 0 && (box.left < -1 || box.right > root.clientWidth + 1)) say("beyond the edge", element);
  }
  return found;
}, may);

/** Keeps a picture of the page as `target/pictures/NAME.png`, to be looked at. */
export const picture = async (page: Page, name: string): Promise<void> => {
  await mkdir(PICTURES, { recursive: true });
  await page.screenshot({ path: `${PICTURES}/${name}.png` });
};
