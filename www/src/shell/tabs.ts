// The tabs of the inspector.

export const TABS = ["server", "message", "votes", "log", "clients"] as const;
export type Tab = (typeof TABS)[number];
