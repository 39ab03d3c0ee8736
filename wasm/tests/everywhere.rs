//! Natively, and in Node when built for a page.

mod common;

#[cfg(target_arch = "wasm32")]
mod objects;

#[cfg(not(target_arch = "wasm32"))]
#[test]
fn a_thousand_seeds_give_the_same_trace_natively() {
    common::a_thousand_seeds_give_the_trace_that_is_written_down();
}

#[cfg(target_arch = "wasm32")]
#[wasm_bindgen_test::wasm_bindgen_test]
fn a_thousand_seeds_give_the_same_trace_in_node() {
    common::a_thousand_seeds_give_the_trace_that_is_written_down();
}
