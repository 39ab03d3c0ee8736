import { describe, expect, test, vi } from "vitest";
import { Broken, Client, type FromWorker, type Port, Refused, type ToWorker } from "../src/core/client";
import type { Answer } from "../src/core/types";

/** A port whose other end is the test. */
function openPort() {
  const sent: ToWorker[] = [];
  let receive: (message: FromWorker) => void = () => undefined;
  let fail: (message: string) => void = () => undefined;
  const close = vi.fn();
  const port: Port = {
    send: (message) => { sent.push(message); },
    listen: (received, failed) => { receive = received; fail = failed; },
    close,
  };
  const watcher = { loading: vi.fn(), ready: vi.fn(), failed: vi.fn() };
  const client = new Client(port, watcher);
  const answer = (one: Answer) => receive({ is: "answer", answer: one, batch: new ArrayBuffer(1) });
  return { client, watcher, sent, close, answer, receive: (message: FromWorker) => receive(message), fail: (why: string) => fail(why) };
}

const view = { now_us: 0, branch: 0, position: 0, length: 0, servers: [], branches: [] };
const good = (id: number): Answer => ({ v: 1, id, ok: true, view, frames: [] });

describe("the client", () => {
  test("gives each request its own answer, whatever their order", async () => {
    const { client, sent, answer } = openPort();
    const first = client.ask({ do: "view" });
    const second = client.ask({ do: "step", count: 1 });
    expect(sent.map(({ v, id, do: what }) => [v, id, what])).toEqual([[1, 1, "view"], [1, 2, "step"]]);
    expect(client.pending).toBe(2);
    answer({ ...good(2), answer: "two" } as Answer);
    answer({ ...good(1), answer: "one" } as Answer);
    expect((await first).done.answer).toBe("one");
    expect((await second).done.answer).toBe("two");
    expect((await second).batch.byteLength).toBe(1);
    expect(client.pending).toBe(0);
  });

  test("says what was refused", async () => {
    const { client, answer } = openPort();
    const asked = client.ask({ do: "act", line: "fly 3" });
    answer({ v: 1, id: 1, ok: false, error: { kind: "syntax", message: "no such act", line: 1, column: 1 } });
    await expect(asked).rejects.toBeInstanceOf(Refused);
    await expect(asked).rejects.toMatchObject({ problem: { kind: "syntax", column: 1 } });
  });

  test("tells of the worker's life", () => {
    const { watcher, receive } = openPort();
    receive({ is: "loading", loaded: 5, total: null });
    receive({ is: "ready" });
    expect(watcher.loading).toHaveBeenCalledWith(5, null);
    expect(watcher.ready).toHaveBeenCalledOnce();
  });

  test.each([
    ["the worker crashes", (port: ReturnType<typeof openPort>) => port.fail("crash")],
    ["the core panics", (port: ReturnType<typeof openPort>) => port.receive({ is: "failed", message: "panic" })],
    ["an answer is to nothing", (port: ReturnType<typeof openPort>) => port.answer(good(99))],
    ["a request could not be read", (port: ReturnType<typeof openPort>) => {
      port.answer({ v: 1, id: null, ok: false, error: { kind: "request", message: "?" } });
    }],
  ])("fails once, with all that waits, when %s", async (_, happen) => {
    const port = openPort();
    const asked = port.client.ask({ do: "view" });
    happen(port);
    happen(port);
    await expect(asked).rejects.toBeInstanceOf(Broken);
    await expect(port.client.ask({ do: "view" })).rejects.toBeInstanceOf(Broken);
    expect(port.watcher.failed).toHaveBeenCalledOnce();
    expect(port.sent).toHaveLength(1);
  });

  test("that is closed ends the worker and tells nobody", async () => {
    const { client, watcher, close } = openPort();
    const asked = client.ask({ do: "view" });
    client.close();
    await expect(asked).rejects.toBeInstanceOf(Broken);
    expect(close).toHaveBeenCalledOnce();
    expect(watcher.failed).not.toHaveBeenCalled();
  });
});
