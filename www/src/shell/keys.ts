// Which key means which command. Pure: App.svelte carries commands out.

export const COMMANDS = [
  "toggle", "forward", "back", "nextMark", "lastMark", "start", "end", "pageForward", "pageBack",
  "slower", "faster", "select", "restart", "cut", "drop", "hold", "deliver", "write",
  "nextBranch", "lastBranch", "undo", "redo", "server", "message", "votes", "log", "clients",
  "repeat", "copy", "help", "menu", "leave",
] as const;
export type Command = (typeof COMMANDS)[number];

/** What is pressed, as far as it matters here. */
export type Pressed = {
  key: string;
  shift: boolean;
  /** Ctrl or ⌘. */
  control: boolean;
  alt: boolean;
};

export type Meant = { command: Command; digit?: number };

const PLAIN: { readonly [key: string]: Command } = {
  " ": "toggle", ".": "forward", ",": "back", "ArrowRight": "forward", "ArrowLeft": "back",
  "Home": "start", "End": "end", "PageUp": "pageForward", "PageDown": "pageBack",
  "-": "slower", "=": "faster", "Escape": "leave", "ContextMenu": "menu",
};

/** Those that a reader may switch off, since speech input types them (WCAG 2.1.4). */
const LETTERS: { readonly [key: string]: Command } = {
  x: "restart", c: "cut", d: "drop", h: "hold", a: "deliver", w: "write",
  "[": "lastBranch", "]": "nextBranch", i: "server", m: "message", v: "votes", l: "log",
  o: "clients", r: "repeat", y: "copy", "?": "help",
};

/** What is meant by a key, if anything. */
export const meant = ({ key, shift, control, alt }: Pressed, letters: boolean): Meant | null => {
  if (alt) return null;
  if (control) {
    if (key.toLowerCase() !== "z") return null;
    return { command: shift ? "redo" : "undo" };
  }
  if (shift && key === "ArrowRight") return { command: "nextMark" };
  if (shift && key === "ArrowLeft") return { command: "lastMark" };
  const plain = Object.hasOwn(PLAIN, key) ? PLAIN[key] : undefined;
  if (plain) return { command: plain };
  if (!letters) return null;
  if (/^[1-9]$/.test(key)) return { command: "select", digit: Number(key) };
  const letter = Object.hasOwn(LETTERS, key) ? LETTERS[key] : undefined;
  return letter ? { command: letter } : null;
};

export type KeyHelp = { readonly keys: readonly string[]; readonly command: Command };

/** The keys of all commands, for the help: as they are printed on them. */
export const HELP = {
  time: [
    { keys: ["Space"], command: "toggle" },
    { keys: [".", "→"], command: "forward" },
    { keys: [",", "←"], command: "back" },
    { keys: ["Shift+→"], command: "nextMark" },
    { keys: ["Shift+←"], command: "lastMark" },
    { keys: ["Home"], command: "start" },
    { keys: ["End"], command: "end" },
    { keys: ["PageDown"], command: "pageBack" },
    { keys: ["PageUp"], command: "pageForward" },
    { keys: ["-"], command: "slower" },
    { keys: ["="], command: "faster" },
    { keys: ["["], command: "lastBranch" },
    { keys: ["]"], command: "nextBranch" },
    { keys: ["Ctrl+Z"], command: "undo" },
    { keys: ["Shift+Ctrl+Z"], command: "redo" },
  ],
  stage: [
    { keys: ["1", "…", "9"], command: "select" },
    { keys: ["Enter"], command: "menu" },
    { keys: ["x"], command: "restart" },
    { keys: ["c"], command: "cut" },
    { keys: ["h"], command: "hold" },
    { keys: ["d"], command: "drop" },
    { keys: ["a"], command: "deliver" },
    { keys: ["w"], command: "write" },
  ],
  page: [
    { keys: ["i"], command: "server" },
    { keys: ["m"], command: "message" },
    { keys: ["v"], command: "votes" },
    { keys: ["l"], command: "log" },
    { keys: ["o"], command: "clients" },
    { keys: ["r"], command: "repeat" },
    { keys: ["y"], command: "copy" },
    { keys: ["?"], command: "help" },
    { keys: ["Esc"], command: "leave" },
  ],
} as const satisfies { readonly [group: string]: readonly KeyHelp[] };

/** The groups in two columns, each to be read downwards. */
export const HELP_COLUMNS = [["time"], ["stage", "page"]] as const;
