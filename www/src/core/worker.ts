// The worker: it loads the core and hands requests to it, one after the other.
//
// Not here: anything about the run. What cannot be answered any more (a panic of the core) ends it.
import type { FromWorker, ToWorker } from "./client";
import init, { Core, lastPanic } from "./wasm/zablab_wasm.js";
import address from "./wasm/zablab_wasm_bg.wasm?url";

const post = (message: FromWorker, transfer: Transferable[] = []) => {
  self.postMessage(message, { transfer });
};

/** The module as it arrives; what has arrived is told. */
async function fetchModule(): Promise<Response> {
  const response = await fetch(new URL(address, import.meta.url));
  if (!response.ok) throw new Error(`${response.status} ${response.statusText}: ${response.url}`);
  const type = "application/wasm";
  // Of a compressed body the length is that of the compressed bytes, and says nothing here.
  const length = Number(response.headers.get("content-length"));
  const plain = !response.headers.has("content-encoding");
  const total = plain && length > 0 ? length : null;
  if (!response.body) return response;
  let loaded = 0;
  const counted = response.body.pipeThrough(new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, out) {
      loaded += chunk.byteLength;
      post({ is: "loading", loaded, total });
      out.enqueue(chunk);
    },
  }));
  return new Response(counted, { headers: { "content-type": type } });
}

const words = (error: unknown) => error instanceof Error ? error.message : String(error);

const core = fetchModule()
  .then((response) => init({ module_or_path: response }))
  .then(() => {
    const made = new Core();
    post({ is: "ready" });
    return made;
  });
core.catch((error: unknown) => post({ is: "failed", message: words(error) }));

let broken = false;

self.onmessage = async (event: MessageEvent<ToWorker>) => {
  let held: Core;
  try {
    held = await core;
  } catch {
    return;
  }
  if (broken) return;
  try {
    const answer = held.handle(event.data);
    // A copy: what is transferred must not be the module's memory.
    const own = held.batch().slice().buffer;
    post({ is: "answer", answer, batch: own }, [own]);
  } catch (error) {
    broken = true;
    post({ is: "failed", message: lastPanic() ?? words(error) });
  }
};
