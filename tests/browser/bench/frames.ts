// What a frame of the stage costs the main thread: 7 servers, hundreds of messages on their way.
// Run by hand on a quiet machine: `cd www && npm run bench`. It prints; it holds nobody to a time.
import type { Page } from "playwright-core";
import { test } from "vitest";

import { launch } from "../harness";
import { opened } from "../reader";

const CLIENTS = ["c1", "c2", "c3"];
/** Writes that each client has under way at once. */
const WRITES = 70;
/** Enough to see the writes on their way to the leader, and then its proposals to everyone. */
const WINDOWS = 12;
const WINDOW_MS = 1500;

const SCRIPT = `zablab script 1
given servers 7
given delay 900ms
given clients ${CLIENTS.join(" ")}
`;

/** Plays until the ensemble stands and its clients are connected, then gives them work. */
const load = async (page: Page): Promise<void> => {
  const acts = ["start all", ...CLIENTS.map((client, i) => `${client}: connect ${i + 1} timeout 30s`)];
  await page.evaluate(async ({ script, begin }) => {
    const { lab } = window.zablab;
    lab.pause();
    await lab.open(script, begin);
    lab.setSpeed(4);
    lab.play();
  }, { script: SCRIPT, begin: acts });
  await page.waitForFunction(
    () => window.zablab.lab.picture?.clients.every((client) => client.state === "Connected"),
    undefined,
    { timeout: 120_000 },
  );
  await page.evaluate(async ({ clients, writes }) => {
    const { lab } = window.zablab;
    for (const client of clients) await lab.act(`${client}: create /${client} times ${writes}`);
    lab.setSpeed(1);
    lab.play();
  }, { clients: CLIENTS, writes: WRITES });
};

type Window_ = { frames: number; least: number; most: number };

/** Counts frames for a while, and the messages that they showed. */
const watch = (page: Page): Promise<Window_> =>
  page.evaluate(
    (ms) =>
      new Promise<Window_>((done) => {
        const end = performance.now() + ms;
        const seen = { frames: 0, least: Infinity, most: 0 };
        const frame = (): void => {
          const flights = window.zablab.lab.picture?.flights.length ?? 0;
          seen.frames += 1;
          seen.least = Math.min(seen.least, flights);
          seen.most = Math.max(seen.most, flights);
          if (performance.now() < end) requestAnimationFrame(frame);
          else done(seen);
        };
        requestAnimationFrame(frame);
      }),
    WINDOW_MS,
  );

test("frames", async () => {
  const lab = await launch();
  const { page } = await lab.open({ calm: true });
  await opened(page);
  // Only now: one who wants less motion has the run wait at its start.
  await page.emulateMedia({ reducedMotion: "no-preference" });
  await load(page);

  const devtools = await page.context().newCDPSession(page);
  // The time of the thread, not of the clock: others may use the machine.
  await devtools.send("Performance.enable", { timeDomain: "threadTicks" });
  const spent = async (): Promise<Record<string, number>> => {
    const { metrics } = await devtools.send("Performance.getMetrics");
    return Object.fromEntries(metrics.map(({ name, value }) => [name, value]));
  };
  console.log("messages   frames  main thread a frame, of it script");
  for (let i = 0; i < WINDOWS; i += 1) {
    const before = await spent();
    const { frames, least, most } = await watch(page);
    const after = await spent();
    const ms = (name: string): string =>
      ((1000 * ((after[name] ?? 0) - (before[name] ?? 0))) / frames).toFixed(1).padStart(6);
    const shown = `${least}-${most}`.padEnd(8);
    console.log(`${shown} ${String(frames).padStart(8)} ${ms("TaskDuration")} ms ${ms("ScriptDuration")} ms`);
  }
  await lab.close();
}, 300_000);
