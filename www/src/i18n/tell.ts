// `narrate` with the page's own words: what components call.
import type { TraceLine } from "../core/types";
import type { Args } from "./format";
import { type Context, type Narration, narrate } from "./narrate";
import { isKey, t } from "./t.svelte";

const words = {
  t: (key: string, args: Args) => isKey(key) ? t(key, args) : key,
  has: isKey,
};

/** An event as a sentence in the language of the moment. The bundle `narration` must be loaded. */
export function tell(line: TraceLine, context: Context = {}): Narration {
  return narrate(line, words, context);
}
