import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Lab } from "../src/model/lab.svelte";
import { portOf, TinyCore } from "./support/core";

/** Animation frames by hand. */
let frames: ((now: number) => void)[] = [];
let now = 0;

async function settle(): Promise<void> {
  for (let n = 0; n < 60; n += 1) await Promise.resolve();
}

/** Lets the screen draw for so long. */
async function draw(ms: number): Promise<void> {
  for (let spent = 0; spent < ms; spent += 16) {
    now += 16;
    const due = frames;
    frames = [];
    due.forEach((frame) => frame(now));
    await settle();
  }
}

beforeEach(() => {
  frames = [];
  now = 0;
  vi.stubGlobal("requestAnimationFrame", (frame: (now: number) => void) => frames.push(frame));
  vi.stubGlobal("cancelAnimationFrame", () => { frames = []; });
});
afterEach(() => vi.unstubAllGlobals());

async function opened(core = new TinyCore()): Promise<Lab> {
  const lab = new Lab(portOf(core));
  expect(await lab.open("zablab script 1\n")).toBe(true);
  await settle();
  return lab;
}

/** What is drawn, without what depends on when it was asked for. */
const state = (lab: Lab) => JSON.stringify([lab.cursor, lab.picture?.servers, lab.picture?.flights, lab.picture?.at_us]);

describe("the lab", () => {
  test("opens, and runs ahead without moving or asking for frames", async () => {
    const core = new TinyCore();
    const lab = await opened(core);
    expect(lab.status).toBe("ready");
    expect(lab.cursor).toEqual({ branch: 0, position: 0, fraction: 0 });
    expect(lab.picture?.servers.map(({ sid }) => sid)).toEqual([1, 2, 3]);
    expect(core.length(0)).toBeGreaterThan(10);
    expect([lab.duration, lab.lanes[0]?.seen]).toEqual([0, 0]);
    expect(frames).toEqual([]);
    lab.dispose();
  });

  test("plays, asks for frames only then, and has seen what it played", async () => {
    const lab = await opened();
    lab.play();
    await draw(1_000);
    expect(lab.storyNow).toBeGreaterThan(900);
    expect(lab.duration).toBe(lab.storyNow);
    lab.pause();
    expect(frames).toEqual([]);
    const at = state(lab);
    await draw(500);
    expect(state(lab)).toBe(at);
    lab.setSpeed(4);
    lab.toggle();
    await draw(500);
    expect(lab.storyNow).toBeGreaterThan(2_700);
    lab.pause();
  });

  test("stops by itself where the core has nothing more to do", async () => {
    const lab = await opened(new TinyCore({ ends: 12 }));
    lab.play();
    await draw(6_000);
    expect(lab.playing).toBe(false);
    expect(lab.atEnd).toBe(true);
    expect(frames).toEqual([]);
    expect(await lab.stepForward()).toBe(false);
    expect(lab.problem).toBeNull();
  });

  test("steps forward and back to exactly the same pictures", async () => {
    const lab = await opened();
    const seen = [state(lab)];
    for (let n = 0; n < 20; n += 1) {
      expect(await lab.stepForward()).toBe(true);
      seen.push(state(lab));
    }
    for (let n = 19; n >= 0; n -= 1) {
      expect(lab.stepBack()).toBe(true);
      expect(state(lab)).toBe(seen[n]);
    }
    expect(lab.stepBack()).toBe(false);
    lab.toEnd();
    expect(state(lab)).toBe(seen[20]);
  });

  test("steps to one server, and to chapter marks", async () => {
    const lab = await opened();
    for (let n = 0; n < 5; n += 1) {
      await lab.stepForward({ server: 2 });
      const { frame } = lab.picture ?? {};
      expect(frame?.headline?.host === "s2" || frame?.servers.some(({ sid }) => sid === 2)).toBe(true);
    }
    const position = lab.cursor.position;
    expect(await lab.stepForward({ chapter: true })).toBe(true);
    expect(lab.picture?.frame.mark).not.toBeNull();
    expect(lab.marks.at(-1)?.position).toBe(lab.cursor.position);
    lab.stepBack({ server: 2 });
    expect(lab.cursor.position).toBeGreaterThanOrEqual(position);
  });

  test("keeps no branch of what was never seen", async () => {
    const core = new TinyCore();
    const lab = await opened(core);
    await lab.stepForward();
    expect(await lab.act("crash 3")).toBe(true);
    await settle();
    expect(lab.lanes).toHaveLength(1);
    expect(lab.picture?.frame.step).toBe("crash 3");
    expect(core.steps(0)[lab.cursor.position - 1]).toBe("!crash 3");
    expect(core.length(0)).toBeGreaterThan(lab.cursor.position + 5);
  });

  test("begins a branch in the seen past, and goes between the two", async () => {
    const lab = await opened();
    for (let n = 0; n < 6; n += 1) await lab.stepForward();
    const end = state(lab);
    lab.stepBack();
    lab.stepBack();
    const fork = lab.cursor.position;
    await lab.act("crash 3");
    await settle();
    expect(lab.cursor.branch).toBe(1);
    expect(lab.lanes.map(({ id, parent, step, current }) => [id, parent?.position, step, current]))
      .toEqual([[0, undefined, null, false], [1, fork, "!crash 3", true]]);
    expect(await lab.switchBranch(0)).toBe(true);
    lab.toEnd();
    expect(state(lab)).toBe(end);
    lab.nameBranch(1, " trial ");
    expect(lab.lanes[1]?.name).toBe("trial");
  });

  test("acts where the cursor is between two moments, without a jump", async () => {
    const lab = await opened();
    for (let n = 0; n < 4; n += 1) await lab.stepForward();
    lab.play();
    await draw(200);
    lab.pause();
    const before = lab.storyNow;
    expect(lab.cursor.fraction).toBeGreaterThan(0);
    await lab.step("hold 1a.1");
    expect(lab.storyNow).toBeGreaterThanOrEqual(before - 1e-6);
    expect(lab.storyNow).toBeLessThan(before + 61);
  });

  test("undoes and redoes, with and without a branch", async () => {
    const lab = await opened();
    await lab.stepForward();
    const before = lab.cursor.position;
    await lab.act("crash 3");
    const acted = state(lab);
    expect([lab.canUndo, lab.canRedo]).toEqual([true, false]);
    await lab.undo();
    expect(lab.cursor.position).toBe(before);
    await lab.stepForward();
    expect(lab.picture?.frame.step).not.toBe("crash 3");
    expect([lab.canUndo, lab.canRedo]).toEqual([false, true]);
    await lab.redo();
    expect(state(lab)).toBe(acted);
    await lab.undo();
    await lab.redo();
    expect(state(lab)).toBe(acted);
    expect(lab.lanes).toHaveLength(2);
    await lab.undo();
    await lab.act("start 3");
    expect(lab.canRedo).toBe(false);
  });

  test("says what was refused, and forgets it with the next success", async () => {
    const lab = await opened();
    expect(await lab.act("bad")).toBe(false);
    expect(lab.problem?.message).toBe("no such act");
    await lab.stepForward();
    expect(lab.problem).not.toBeNull();
    expect(await lab.act("crash 1")).toBe(true);
    expect(lab.problem).toBeNull();
    expect(await lab.open("bad")).toBe(false);
    expect(lab.picture).not.toBeNull();
    lab.dismiss();
    expect(lab.problem).toBeNull();
  });

  test("fails when the worker does, and says so", async () => {
    const port = portOf(new TinyCore());
    const lab = new Lab(port);
    await lab.open("");
    port.crash();
    expect(lab.status).toBe("failed");
    expect(lab.failure).toBe("it crashed");
    expect(await lab.act("crash 1")).toBe(false);
    expect(lab.picture).not.toBeNull();
  });

  test("tells that the worker is busy, but only if it takes long", async () => {
    vi.useFakeTimers();
    try {
      let answer = (): void => undefined;
      const first = new Promise<void>((resolve) => { answer = resolve; });
      const lab = new Lab(portOf(new TinyCore(), () => first));
      const open = lab.open("");
      await vi.advanceTimersByTimeAsync(149);
      expect(lab.working).toBe(false);
      await vi.advanceTimersByTimeAsync(2);
      expect(lab.working).toBe(true);
      answer();
      await open;
      lab.dispose();
      await vi.advanceTimersByTimeAsync(200);
      expect(lab.working).toBe(false);
    } finally {
      vi.useRealTimers();
    }
  });

  test("keeps its moment when heartbeats are shown or hidden", async () => {
    const lab = await opened();
    lab.play();
    await draw(700);
    lab.pause();
    const at = lab.picture?.at_us ?? 0;
    lab.showHeartbeats = true;
    expect(Math.abs((lab.picture?.at_us ?? 0) - at)).toBeLessThan(2);
    lab.showHeartbeats = false;
    expect(Math.abs((lab.picture?.at_us ?? 0) - at)).toBeLessThan(2);
  });

  test("exports up to the cursor", async () => {
    const lab = await opened();
    await lab.stepForward();
    await lab.act("crash 3");
    const file = await lab.exportAs("script");
    expect(file?.text.split("\n")).toHaveLength(lab.cursor.position);
    expect(file?.text.endsWith("!crash 3")).toBe(true);
  });

  test("exports as a link what was seen, and goes on as before", async () => {
    const core = new TinyCore();
    const lab = await opened(core);
    for (let n = 0; n < 5; n += 1) await lab.stepForward();
    lab.stepBack();
    await lab.act("crash 3");
    await settle();
    const lengths = [core.length(0), core.length(1)];
    const seen = lab.lanes.map((lane) => lane.seen);
    const at = state(lab);
    expect(JSON.parse((await lab.exportAs("zlab"))?.text ?? "")).toEqual(seen);
    await settle();
    expect([core.length(0), core.length(1)]).toEqual(lengths);
    expect(state(lab)).toBe(at);
    expect(await lab.stepForward()).toBe(true);
    expect(lab.problem).toBeNull();
  });

  test("opens with acts that cannot be undone", async () => {
    const lab = new Lab(portOf(new TinyCore()));
    expect(await lab.open("", ["start 1", "start 2"])).toBe(true);
    expect([lab.cursor.position, lab.canUndo, lab.lanes.length]).toEqual([2, false, 1]);
    expect(await lab.open("", ["start 1", "bad"])).toBe(false);
    expect(lab.problem?.message).toBe("no such act");
  });

  const doings = fc.array(fc.oneof(
    fc.constant("play"), fc.constant("step"), fc.constant("back"), fc.constant("undo"),
    fc.constant("redo"), fc.constant("chapter"), fc.constant("export"), fc.constant("end"), fc.constant("start"),
    fc.nat(3).map((n) => `act ${n}`), fc.nat(3).map((n) => `two ${n}`), fc.nat(4).map((n) => `branch ${n}`), fc.nat(100).map((n) => `seek ${n}`),
  ), { maxLength: 25 });

  test("knows of every branch what the core knows, whatever the reader does", async () => {
    await fc.assert(fc.asyncProperty(doings, async (list) => {
      const core = new TinyCore();
      const lab = await opened(core);
      for (const doing of list) {
        const [what, n] = doing.split(" ");
        switch (what) {
          case "play": lab.play(); await draw(160); lab.pause(); break;
          case "step": await lab.stepForward(); break;
          case "chapter": await lab.stepForward({ chapter: true }); break;
          case "back": lab.stepBack(); break;
          case "undo": await lab.undo(); break;
          case "redo": await lab.redo(); break;
          case "act": await lab.act(`crash ${n}`); break;
          case "two": await lab.act(`crash ${n};start ${n}`); break;
          case "branch": await lab.switchBranch(Number(n)); break;
          case "seek": lab.seekStory(lab.duration * Number(n) / 100); break;
          case "export": await lab.exportAs("zlab"); break;
          case "end": lab.toEnd(); break;
          default: lab.toStart();
        }
        expect(lab.problem).toBeNull();
        expect(lab.status).toBe("ready");
        const { branch, position } = lab.cursor;
        expect(position).toBeLessThanOrEqual(core.length(branch));
        expect(lab.picture?.frame).toEqual(core.frames(branch)[position]);
      }
      await settle();
      for (const { id, seen, parent } of lab.lanes) {
        expect(seen).toBeLessThanOrEqual(core.length(id));
        await lab.switchBranch(id);
        expect(lab.duration).toBeGreaterThanOrEqual(parent?.story ?? 0);
        for (const position of [0, seen >> 1, seen]) {
          lab.seekPosition(position);
          expect(lab.picture?.frame).toEqual(core.frames(id)[position]);
        }
      }
      lab.dispose();
    }), { numRuns: 40 });
  }, 60_000);
});
