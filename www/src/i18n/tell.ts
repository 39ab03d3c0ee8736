// `narrate` with the page's own words: what components call.
import type { TraceLine } from "../core/types";
import { called } from "../model/hosts";
import type { Picture } from "../model/picture";
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

/** The picture's headline as a sentence, with clients by their names and votes beside each other. */
export function tellPicture(picture: Picture): Narration | null {
  const { headline, headlineBefore, clients, servers } = picture;
  if (!headline) return null;
  const name = (host: string) => {
    const client = clients.find((one) => one.host === host);
    return client ? client.name.toUpperCase() : called(host, servers);
  };
  const message = (id: string) => picture.flights.find(({ flight }) => flight.id === id)?.flight;
  return tell(headline, { name, before: headlineBefore, message });
}
