//! The lab in a browser: JavaScript objects in and out, nothing else.
//!
//! A [`Core`] lives in a worker. What requests, answers and batches are is `docs/formats.md`,
//! section 3, and `www/src/core/types.ts`. Not here: carrying requests out
//! ([`zablab_sim::lab`]), and the worker itself.

use std::cell::RefCell;
use std::panic::PanicHookInfo;

use js_sys::Uint8Array;
use serde::Serialize;
use serde_wasm_bindgen::Serializer;
use wasm_bindgen::prelude::{JsError, JsValue, wasm_bindgen};
use zablab_sim::formats::batch::EventBatch;
use zablab_sim::formats::messages::{Answer, MessageError, Request};
use zablab_sim::lab::Lab;
use zablab_sim::script;

thread_local! {
    /// What a panic said. After one only this can still be asked for.
    static LAST_PANIC: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// A lab, with the batch of its last answer.
#[wasm_bindgen]
#[derive(Debug, Default)]
pub struct Core {
    lab: Lab,
    batch: EventBatch,
}

#[wasm_bindgen]
impl Core {
    /// Without a run. From now on a panic says on the console what happened.
    #[wasm_bindgen(constructor)]
    pub fn new() -> Core {
        std::panic::set_hook(Box::new(note_panic));
        Core::default()
    }

    /// Carries a request out and answers it; its batch is then in [`Core::batch`].
    ///
    /// # Errors
    /// Never for what a request may be: every problem is an answer.
    pub fn handle(&mut self, request: JsValue) -> Result<JsValue, JsError> {
        let (answer, batch) = match read(request) {
            Ok(request) => self.lab.answer(request),
            Err(error) => (Answer::unread(&error), EventBatch::default()),
        };
        self.batch = batch;
        Ok(answer.serialize(&Serializer::json_compatible())?)
    }

    /// The event batch of the last answer, in memory of its own that can be transferred.
    pub fn batch(&self) -> Uint8Array {
        Uint8Array::from(self.batch.encode().as_slice())
    }
}

/// What the last panic said, if there was one. Then the module must be loaded anew.
#[wasm_bindgen(js_name = lastPanic)]
pub fn last_panic() -> Option<String> {
    LAST_PANIC.with_borrow(Clone::clone)
}

/// The hash of the trace that a script has with a random chooser of this seed, in hex digits. It is
/// the same on every machine.
///
/// # Errors
/// The script cannot be read, or does not come true.
#[wasm_bindgen(js_name = traceHash)]
pub fn trace_hash(script: &str, seed: u64) -> Result<String, JsError> {
    let script = script::parse(script)?;
    let hash = script::trace_hash(&script, seed)?;
    Ok(format!("{hash:016x}"))
}

fn read(request: JsValue) -> Result<Request, MessageError> {
    let value: serde_json::Value = serde_wasm_bindgen::from_value(request).map_err(|error| {
        let source = serde::de::Error::custom(error);
        MessageError::Syntax { source, id: None }
    })?;
    Request::of_value(value)
}

fn note_panic(info: &PanicHookInfo<'_>) {
    LAST_PANIC.with_borrow_mut(|last| *last = Some(info.to_string()));
    // It calls the console, which only a page and Node have.
    #[cfg(target_arch = "wasm32")]
    console_error_panic_hook::hook(info);
    #[cfg(not(target_arch = "wasm32"))]
    eprintln!("{info}");
}
