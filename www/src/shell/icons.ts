// The line drawings of buttons, each on a ground of 20 by 20: path data, drawn by Icon.svelte.

export const ICONS = {
  play: "M6 3.5 16 10 6 16.5Z",
  pause: "M7 4v12M13 4v12",
  forward: "M7.5 4.5 13 10l-5.5 5.5",
  back: "M12.5 4.5 7 10l5.5 5.5",
  start: "M14.5 5 9.5 10l5 5M6 5v10",
  end: "M5.5 5l5 5-5 5M14 5v10",
  crash: "M5 5l10 10M15 5 5 15",
  restart: "M15.5 6.5A6.5 6.5 0 1 0 16.5 10M16 3v4h-4",
  cut: "M4 4.5l12 9M4 15.5l12-9M4.2 6a1.8 1.8 0 1 0 0-3.6 1.8 1.8 0 0 0 0 3.6ZM4.2 17.6a1.8 1.8 0 1 0 0-3.6 1.8 1.8 0 0 0 0 3.6Z",
  heal: "M8 12.5l4-5M6.5 9.5 4.8 11.6a2.6 2.6 0 0 0 4 3.3l1.4-1.7M13.5 10.5l1.7-2.1a2.6 2.6 0 0 0-4-3.3L9.8 6.8",
  hold: "M7.5 5v10M12.5 5v10",
  release: "M5 4v12M9 4.5 16 10 9 15.500Z",
  drop: "M10 3v9M6 8.5 10 12.500l4-4M4 16.500h12",
  deliver: "M3 10h10M9.5 6 13.5 10l-4 4M17 4v12",
  write: "M4 16l1-4L13.5 3.500l3 3L8 15Z",
  undo: "M7.5 4.5 4 8l3.5 3.500M4 8h7.500a4 4 0 0 1 0 8H9",
  redo: "M12.5 4.5 16 8l-3.5 3.500M16 8H8.500a4 4 0 0 0 0 8H11",
  share: "M10 12V3M6.5 6 10 2.8 13.5 6M5 9.500H4v7h12v-7h-1",
  theme: "M10 3a7 7 0 1 0 0 14Z M10 3a7 7 0 0 1 0 14",
  settings: "M10 7.300a2.7 2.7 0 1 0 0 5.4 2.7 2.7 0 0 0 0-5.400ZM10 2.500v2M10 15.500v2M2.5 10h2M15.5 10h2M4.7 4.700l1.4 1.400M13.9 13.900l1.4 1.400M4.7 15.300l1.4-1.400M13.9 6.100l1.4-1.4",
  help: "M7.3 7.500a2.8 2.8 0 1 1 4.3 2.300c-1 .7-1.6 1.2-1.6 2.400M10 15.400v.1",
  plus: "M10 4v12M4 10h12",
  more: "M4.5 10h.01M10 10h.01M15.5 10h.01",
  branch: "M6 6.500v7M6 10h3.500a4 4 0 0 0 4-3.500M6 6.500a1.8 1.8 0 1 0 0-3.6 1.8 1.8 0 0 0 0 3.600ZM6 17.100a1.8 1.8 0 1 0 0-3.6 1.8 1.8 0 0 0 0 3.600ZM13.5 6.500a1.8 1.8 0 1 0 0-3.6 1.8 1.8 0 0 0 0 3.600Z",
  list: "M7 5h9M7 10h9M7 15h9M3.5 5h.01M3.5 10h.01M3.5 15h.01",
  close: "M5.5 5.500l9 9M14.5 5.500l-9 9",
  crown: "M3.5 14.5 2.5 6.5 7 10 10 4.5 13 10l4.5-3.5-1 8Z",
  tick: "M4.5 10.5 8.5 14.5 15.5 6",
  wall: "M3 5h14v10H3ZM3 10h14M8 5v5M12.5 10v5",
  bell: "M5.5 14V9.500a4.5 4.5 0 0 1 9 0V14l1.5 1.500H4ZM8.5 17.500h3",
  flag: "M5.5 17V3.500h9l-2 3.5 2 3.500h-9",
} as const;

export type IconName = keyof typeof ICONS;

/** Those that are surfaces, not lines. */
export const FILLED: ReadonlySet<IconName> = new Set(["play"]);
