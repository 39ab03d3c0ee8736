// Where the address points: `#/lab`, `#/lab/z1.…`, `#/pieces`. Pure.

export type Route = { name: "lab"; link: string | null } | { name: "pieces" };

/** The route of what follows `#` in the address; anything unknown is the lab. */
export const routeOf = (hash: string): Route => {
  const path = hash.split("?", 1)[0] ?? "";
  if (path === "#/pieces") return { name: "pieces" };
  return { name: "lab", link: path.startsWith("#/lab/") ? path : null };
};
