// The page's words: `t("key", { name })` is the text in the language of the moment, and whoever
// calls it is drawn again when the language changes.
//
// Keys are typed by the English catalogues, so a key that is not there fails the check. A bundle
// is a file of messages/<language>/; it is loaded when it is asked for. Not here: which language
// (language.ts), and what a message looks like (format.ts).
import { type Args, format, type Message } from "./format";
import { chooseLanguage, type Language } from "./language";
import type narration from "./messages/en/narration.json";
import type panes from "./messages/en/panes.json";
import type paxos from "./messages/en/paxos.json";
import type pieces from "./messages/en/pieces.json";
import type protocol from "./messages/en/protocol.json";
import type stage from "./messages/en/stage.json";
import type ui from "./messages/en/ui.json";

type Catalogues = {
  ui: typeof ui; narration: typeof narration; protocol: typeof protocol; stage: typeof stage;
  pieces: typeof pieces; panes: typeof panes; paxos: typeof paxos;
};
export type Bundle = keyof Catalogues;
/** Every key of every bundle; no two bundles share one. */
export type Key = { [B in Bundle]: keyof Catalogues[B] & string }[Bundle];

const SAVED = "zablab.lang";

type Catalogue = { readonly [key: string]: Message };
const files = import.meta.glob<{ default: Catalogue }>("./messages/*/*.json");

let language = $state.raw<Language>("en");
/** What is loaded, by key, of the language of the moment. */
let messages = $state.raw<Catalogue>({});
const wanted = new Set<Bundle>();
/** The last change of the language wins, whichever file arrives last. */
let turn = 0;
let aimed: Language = "en";
const loaded = new Map<string, Catalogue>();

/** The text of a message; the key itself as long as its bundle is not loaded. */
export function t(key: Key, args: Args = {}): string {
  const message = Object.hasOwn(messages, key) ? messages[key] : undefined;
  return message === undefined ? key : format(message, args, language);
}

/** True if there is a message of this key: for keys that are made of the core's words. */
export function isKey(key: string): key is Key {
  return Object.hasOwn(messages, key);
}

/** The language of the moment; as `lang` of elements and for `Intl`. */
export function currentLanguage(): Language {
  return language;
}

/** Loads bundles, in the language that the reader wants. To be awaited before anything is drawn. */
export async function loadBundles(...bundles: Bundle[]): Promise<void> {
  for (const bundle of bundles) wanted.add(bundle);
  await use(aimed);
}

/** Finds out the language, and loads bundles in it. */
export async function start(...bundles: Bundle[]): Promise<void> {
  for (const bundle of bundles) wanted.add(bundle);
  const { search, hash } = window.location;
  const saved = remembered();
  await use(chooseLanguage({ query: search, hash, saved, browser: navigator.languages }));
}

/** Changes the language, and remembers it. */
export async function setLanguage(to: Language): Promise<void> {
  try {
    window.localStorage.setItem(SAVED, to);
  } catch {
    // A browser that keeps nothing: it lasts as long as the page.
  }
  await use(to);
}

async function use(to: Language): Promise<void> {
  turn += 1;
  aimed = to;
  const mine = turn;
  const catalogues = await Promise.all([...wanted].map((bundle) => load(to, bundle)));
  if (mine !== turn) return;
  language = to;
  messages = Object.assign({}, ...catalogues) as Catalogue;
  if (typeof document !== "undefined") document.documentElement.lang = to;
}

async function load(of: Language, bundle: Bundle): Promise<Catalogue> {
  const path = `./messages/${of}/${bundle}.json`;
  const known = loaded.get(path);
  if (known) return known;
  const file = files[path];
  if (!file) throw new Error(`no ${path}`);
  const catalogue = (await file()).default;
  loaded.set(path, catalogue);
  return catalogue;
}

function remembered(): string | null {
  try {
    return window.localStorage.getItem(SAVED);
  } catch {
    return null;
  }
}
