// Lines of a script that the panes write.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { callLine, connectLine, pathFault, quoted, tooLong, VERBS } from "../src/panes/acts";
import { sidText, spanText, timeText, wideText, zxidText } from "../src/panes/words";

/** Reads a string as docs/formats.md, 1.1, says; null if it does not end with the text. */
function unquoted(text: string): string | null {
  const inner = /^"((?:[^"\\]|\\["\\nt])*)"$/u.exec(text)?.[1];
  if (inner === undefined) return null;
  return inner.replace(/\\(["\\nt])/gu, (_, one: string) => (one === "n" ? "\n" : one === "t" ? "\t" : one));
}

const anyText = fc.string({ unit: "binary" });
/** What a line of a script can hold. */
const printable = fc.string({ unit: "grapheme" }).filter((text) => !/[\p{Cc}\u2028\u2029]/u.test(text));

describe("quoted", () => {
  it("is one string on one line, whatever the text", () => {
    fc.assert(fc.property(anyText, (text) => {
      const line = quoted(text);
      expect(line).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/u);
      expect(unquoted(line)).not.toBeNull();
    }));
  });

  it("gives the text back", () => {
    fc.assert(fc.property(printable, (text) => { expect(unquoted(quoted(text))).toBe(text); }));
    expect(unquoted(quoted("a\n\tb \"c\" \\ # d"))).toBe("a\n\tb \"c\" \\ # d");
  });
});

describe("callLine", () => {
  const form = fc.record({
    verb: fc.constantFrom(...VERBS), path: anyText, value: anyText,
    ephemeral: fc.boolean(), sequential: fc.boolean(), watch: fc.boolean(),
  });

  it("is one line of a client, whatever is typed", () => {
    fc.assert(fc.property(form, (typed) => {
      const line = callLine("c1", typed);
      expect(line).not.toMatch(/[\r\n\u2028\u2029]/u);
      const string = /"(?:[^"\\]|\\["\\nt])*"/gu;
      expect(line.replace(string, "S")).toMatch(
        /^c1: (?:create S(?: S)?(?: ephemeral)?(?: sequential)?|set S S|delete S|(?:get|exists|children) S(?: watch)?)$/u,
      );
    }));
  });

  it("takes of the form what the verb knows", () => {
    const all = { path: "/a", value: "x", ephemeral: true, sequential: true, watch: true };
    expect(callLine("c1", { ...all, verb: "create" })).toBe("c1: create \"/a\" \"x\" ephemeral sequential");
    expect(callLine("c1", { ...all, verb: "set", value: "" })).toBe("c1: set \"/a\" \"\"");
    expect(callLine("bob", { ...all, verb: "get" })).toBe("bob: get \"/a\" watch");
    expect(callLine("c1", { ...all, verb: "delete" })).toBe("c1: delete \"/a\"");
    expect(connectLine("c1", [1, 3])).toBe("c1: connect 1,3");
  });

  it("knows when a line is too long", () => {
    expect(tooLong(quoted("x".repeat(998)))).toBe(false);
    expect(tooLong(quoted("x".repeat(999)))).toBe(true);
  });
});

describe("words", () => {
  it("writes what the core says", () => {
    expect(pathFault("")).toBe("empty");
    expect(pathFault("a")).toBe("slash");
    expect(pathFault("/a/")).toBe("end");
    expect(pathFault("/")).toBeNull();
    expect(zxidText({ epoch: 1, counter: 9 })).toBe("e1·9");
    expect(zxidText({ epoch: 0xffff_ffff, counter: 0xffff_ffff })).toBeNull();
    expect(sidText(-9223372036854775808)).toBeNull();
    expect(wideText("0x1f")).toBe("31");
    expect(wideText("0xffffffffffffffff")).toBe("0xffffffffffffffff");
    expect(timeText(1_028_000)).toBe("1.028 s");
    expect(spanText(200_000)).toBe("200 ms");
    expect(spanText(10_000_000)).toBe("10 s");
  });
});
