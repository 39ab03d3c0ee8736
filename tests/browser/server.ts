// A plain file server for the built page, under a path of one's choice: what any web host does.
// It knows nothing of the page and sends no header that a plain host would not send.
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize } from "node:path";

const TYPES: Record<string, string> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".json": "application/json",
  ".svg": "image/svg+xml",
  ".wasm": "application/wasm",
};

export type FileServer = {
  /** Where the page is, with a slash at the end. */
  url: string;
  close: () => Promise<void>;
};

/** Serves `folder` below `path` ("/" or "/some/where/") on a free port of this machine. */
export const serve = async (folder: string, path: string): Promise<FileServer> => {
  const server = createServer((request, response) => {
    const asked = new URL(request.url ?? "/", "http://host").pathname;
    const name = asked.startsWith(path) ? asked.slice(path.length) || "index.html" : undefined;
    const file = name === undefined ? undefined : join(folder, normalize(`/${decodeURIComponent(name)}`));
    if (file === undefined) {
      response.writeHead(404).end();
      return;
    }
    readFile(file).then(
      (bytes) => {
        const type = TYPES[extname(file)] ?? "application/octet-stream";
        response.writeHead(200, { "Content-Type": type, "Cache-Control": "no-store" }).end(bytes);
      },
      () => response.writeHead(404).end(),
    );
  });
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}${path}`,
    close: () =>
      new Promise((closed) => {
        server.closeAllConnections();
        server.close(() => closed());
      }),
  };
};
