// What wasm-bindgen makes of the crate `wasm`, for type checks before it has been built.
declare module "*/zablab_wasm.js" {
  import type { Answer } from "./types";

  export default function init(from: { module_or_path: Response }): Promise<unknown>;

  /** What a panic said; after one nothing else can be asked. */
  export function lastPanic(): string | undefined;

  export class Core {
    /** Carries a request out. */
    handle(request: unknown): Answer;
    /** The event batch of the last request. */
    batch(): Uint8Array;
  }
}
