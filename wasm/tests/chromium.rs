//! In Chromium. Only built for a page.
#![cfg(target_arch = "wasm32")]

mod common;
mod objects;

wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_browser);

#[wasm_bindgen_test::wasm_bindgen_test]
fn a_thousand_seeds_give_the_same_trace_in_chromium() {
    common::a_thousand_seeds_give_the_trace_that_is_written_down();
}
