// What a reader chooses for all visits: theme, motion, heartbeats, letter keys. Kept in local
// storage where there is one. The language has its own place (i18n/t.svelte.ts).

export const THEMES = ["auto", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];

const KEY = "zablab.settings";

type Saved = { theme: Theme; calm: boolean; heartbeats: boolean; letters: boolean };
const DEFAULT: Saved = { theme: "auto", calm: false, heartbeats: false, letters: true };

export class Settings {
  #saved = $state.raw<Saved>({ ...DEFAULT, ...read() });
  /** True if the system asks for less motion. */
  #systemCalm = $state(false);

  constructor() {
    const query = window.matchMedia("(prefers-reduced-motion: reduce)");
    this.#systemCalm = query.matches;
    query.addEventListener("change", () => { this.#systemCalm = query.matches; });
    this.#show();
  }

  get theme(): Theme { return this.#saved.theme; }
  get heartbeats(): boolean { return this.#saved.heartbeats; }
  get letters(): boolean { return this.#saved.letters; }
  /** The reader's own switch. */
  get calm(): boolean { return this.#saved.calm; }
  /** Less motion, by the reader's wish or the system's. */
  get reduced(): boolean { return this.#saved.calm || this.#systemCalm; }

  set<K extends keyof Saved>(key: K, value: Saved[K]): void {
    this.#saved = { ...this.#saved, [key]: value };
    this.#write();
    this.#show();
  }

  /** The next theme, in a circle. */
  turnTheme(): void {
    const next = THEMES[(THEMES.indexOf(this.theme) + 1) % THEMES.length];
    this.set("theme", next ?? "auto");
  }

  /** Forgets everything that this page has kept in the browser. */
  wipe(): void {
    try {
      for (const key of Object.keys(window.localStorage)) {
        if (key.startsWith("zablab.")) window.localStorage.removeItem(key);
      }
    } catch {
      // Nothing is kept where nothing can be kept.
    }
    this.#saved = { ...DEFAULT };
    this.#show();
  }

  #show(): void {
    const root = document.documentElement;
    if (this.theme === "auto") delete root.dataset["theme"];
    else root.dataset["theme"] = this.theme;
  }

  #write(): void {
    try {
      window.localStorage.setItem(KEY, JSON.stringify(this.#saved));
    } catch {
      // It lasts as long as the page.
    }
  }
}

/** What was kept, as far as it is of the right form. */
function read(): Partial<Saved> {
  try {
    const kept: unknown = JSON.parse(window.localStorage.getItem(KEY) ?? "{}");
    if (typeof kept !== "object" || kept === null) return {};
    const { theme, calm, heartbeats, letters } = kept as Partial<Record<keyof Saved, unknown>>;
    return {
      ...(THEMES.includes(theme as Theme) ? { theme: theme as Theme } : {}),
      ...(typeof calm === "boolean" ? { calm } : {}),
      ...(typeof heartbeats === "boolean" ? { heartbeats } : {}),
      ...(typeof letters === "boolean" ? { letters } : {}),
    };
  } catch {
    return {};
  }
}
