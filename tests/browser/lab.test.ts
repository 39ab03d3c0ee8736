// The story that a first visit tells, as a reader lives it: an election, a late server, a write, a
// crash, a step back, a branch. Asserted on the core's state; by mouse and by keys, in each
// language.
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { LANGUAGES, launch } from "./harness";
import type { Lab } from "./harness";
import { keys, mouse, pictureText, state, until } from "./reader";

let lab: Lab;
beforeAll(async () => {
  lab = await launch();
});
afterAll(() => lab.close());

const readers = LANGUAGES.flatMap((language) => [mouse, keys].map((hands) => ({ language, hands, by: hands.name })));

describe.each(readers)("in $language, $by", ({ language, hands }) => {
  test("an ensemble elects, admits, writes, loses its leader, and can be rewound", async () => {
    const { page, close } = await lab.open({ language });
    await page.locator("button[data-host=s1]").waitFor();

    // Servers 1 and 2 of 3 start with nothing in their logs: the larger number wins.
    await hands.beginLate(page);
    const elected = await until(page, "server 2 leads", ({ servers }) =>
      servers.length === 3 && servers[1]?.role === "Leading" && servers[1].phase === "Broadcast"
      && servers[0]?.phase === "Broadcast");
    expect(elected.servers[0]).toMatchObject({ role: "Following", leader: 2, votes: 2 });
    expect(elected.servers[2]).toBeNull();

    // Server 3 has an even larger number, and takes nothing over.
    await hands.start(page, 3);
    await hands.play(page);
    const joined = await until(page, "server 3 follows", ({ servers }) => servers[2]?.phase === "Broadcast");
    expect(joined.servers.map((server) => [server?.role, server?.leader]))
      .toEqual([["Following", 2], ["Leading", 2], ["Following", 2]]);
    // Its client has found a server, and all that came of it has arrived.
    await until(page, "the client is at rest", ({ clients, flights }) =>
      clients[0] === 1 && flights.length === 0);
    await hands.pause(page);

    // A write through a follower, message by message.
    await hands.write(page, "/first");
    await until(page, "the request is under way", ({ flights }) => flights.some(({ kind }) => kind === "create"));
    const seen: string[] = [];
    for (let step = 0; step < 80; step += 1) {
      const { flights, results } = await state(page);
      for (const { kind } of flights) if (seen.at(-1) !== kind && !seen.includes(kind)) seen.push(kind);
      if (results.includes("create OK")) break;
      await hands.forward(page);
      await page.waitForTimeout(30);
    }
    expect((await state(page)).results).toContain("create OK");
    expect(seen.filter((kind) => ["create", "REQUEST", "PROPOSAL", "ACK", "COMMIT", "reply"].includes(kind)))
      .toEqual(["create", "REQUEST", "PROPOSAL", "ACK", "COMMIT", "reply"]);

    // The leader dies; the rest elects another.
    await hands.crash(page, 2);
    await hands.play(page);
    const again = await until(page, "another leads", ({ servers }) =>
      servers[1] === null && servers[2]?.role === "Leading" && servers[2].phase === "Broadcast"
      && servers[0]?.phase === "Broadcast");
    expect(again.servers[0]).toMatchObject({ role: "Following", leader: 3 });
    await hands.pause(page);

    // A step back and forth: the same picture, to the last fact and to every path that is drawn.
    // (Not to the pixel: what is painted again in part is smoothed otherwise than as a whole.)
    const drawn = (): Promise<string> => page.locator(".board").innerHTML();
    await hands.back(page);
    const before = { text: await pictureText(page), drawn: await drawn() };
    await hands.back(page);
    expect(await pictureText(page)).not.toBe(before.text);
    await hands.forward(page);
    expect(await pictureText(page)).toBe(before.text);
    expect(await drawn()).toBe(before.drawn);

    // An act in the past begins a branch, and the branch that was keeps its end.
    const here = await state(page);
    for (let n = 0; n < 4; n += 1) await hands.back(page);
    await hands.crash(page, 1);
    const forked = await until(page, "a branch begins", ({ branch }) => branch !== here.branch);
    expect(forked.branches).toBe(here.branches + 1);
    expect(forked.servers[0]).toBeNull();

    await close();
  }, 240_000);
});
