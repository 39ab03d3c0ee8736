// Which language the page speaks. Pure: everything it looks at is handed in.

export const LANGUAGES = ["en", "zh-CN"] as const;
export type Language = (typeof LANGUAGES)[number];

/** What each language is called in itself. */
export const LANGUAGE_NAMES: { readonly [L in Language]: string } = {
  "en": "English",
  "zh-CN": "简体中文",
};

/** Where a wish for a language may stand. */
export type Wishes = {
  /** The query of the address, `?lang=en`. */
  query: string;
  /** What follows `#`; it may have a query of its own. */
  hash: string;
  saved: string | null;
  browser: readonly string[];
};

/** The address first, then what was chosen before, then the browser's wishes, then English. */
export function chooseLanguage(wishes: Wishes): Language {
  const inHash = wishes.hash.includes("?") ? wishes.hash.slice(wishes.hash.indexOf("?")) : "";
  const named = [
    new URLSearchParams(wishes.query).get("lang"),
    new URLSearchParams(inHash).get("lang"),
    wishes.saved,
    ...wishes.browser,
  ];
  for (const name of named) {
    const language = name === null ? null : languageOf(name);
    if (language) return language;
  }
  return "en";
}

/** The language that a tag means, if there is one: any Chinese is the Chinese that there is. */
export function languageOf(tag: string): Language | null {
  const lower = tag.toLowerCase();
  const main = lower.split(/[-_]/, 1)[0];
  const found = LANGUAGES.find((language) => language.toLowerCase() === lower)
    ?? LANGUAGES.find((language) => language.split("-", 1)[0] === main);
  return found ?? null;
}
