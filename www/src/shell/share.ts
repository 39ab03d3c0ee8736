// Links and files that leave the page.
import type { Export } from "../model/api";

/** The address of this page with a run's link (`#/lab/z1.…`) behind it. */
export const linkTo = (link: string): string => {
  const { origin, pathname } = window.location;
  return `${origin}${pathname}${link.startsWith("#") ? link : `#${link}`}`;
};

/** Hands a file to the browser, which asks the reader or keeps it. */
export const save = (file: Export): void => {
  const url = URL.createObjectURL(new Blob([file.text], { type: file.type }));
  const anchor = document.createElement("a");
  anchor.href = url;
  anchor.download = file.name;
  anchor.click();
  setTimeout(() => URL.revokeObjectURL(url), 0);
};
