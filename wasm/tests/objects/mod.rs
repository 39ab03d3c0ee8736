//! Requests and answers as JavaScript objects.

use js_sys::{JSON, Reflect, Uint8Array};
use wasm_bindgen::JsValue;
use wasm_bindgen_test::wasm_bindgen_test;
use zablab_sim::formats::batch::EventBatch;
use zablab_wasm::{Core, trace_hash};

fn ask(core: &mut Core, request: &str) -> JsValue {
    let request = JSON::parse(request).expect("the test's request is JSON");
    core.handle(request)
        .unwrap_or_else(|_| panic!("every request is answered"))
}

fn get(value: &JsValue, path: &str) -> JsValue {
    path.split('.').fold(value.clone(), |value, key| {
        Reflect::get(&value, &JsValue::from_str(key)).expect("it is an object")
    })
}

fn number(value: &JsValue, path: &str) -> f64 {
    get(value, path)
        .as_f64()
        .unwrap_or_else(|| panic!("{path} is no number"))
}

#[wasm_bindgen_test]
fn a_run_is_opened_acted_on_and_rewound() {
    let mut core = Core::new();
    let script = "zablab script 1\\ngiven servers 3\\ngiven observers 3\\n";
    let open = format!(r#"{{"v":1,"id":1,"do":"open","script":"{script}"}}"#);
    let opened = ask(&mut core, &open);
    assert_eq!(get(&opened, "ok"), JsValue::TRUE);
    assert_eq!(number(&opened, "frames.0.position"), 0.0);
    assert_eq!(get(&opened, "frames.0.servers.2.observer"), JsValue::TRUE);
    let acted = ask(
        &mut core,
        r#"{"v":1,"id":2,"do":"act","line":"start 1..3"}"#,
    );
    assert_eq!(
        get(&acted, "frames.0.step").as_string().as_deref(),
        Some("start 1")
    );
    let ran = ask(
        &mut core,
        r#"{"v":1,"id":3,"do":"advance","until_us":5000000,"max_steps":1000}"#,
    );
    assert!(number(&ran, "frames.length") > 50.0);
    assert_eq!(
        get(&ran, "view.servers.1.up.role").as_string().as_deref(),
        Some("Leading")
    );
    let batch: Uint8Array = core.batch();
    let batch = EventBatch::decode(&batch.to_vec()).expect("it is a batch");
    assert!(batch.rows().any(|row| row.event == "Established"));
    // An observer votes for nobody, whose number no JavaScript number is.
    let server = ask(&mut core, r#"{"v":1,"id":4,"do":"view","server":3}"#);
    assert_eq!(
        get(&server, "server.role").as_string().as_deref(),
        Some("Observing")
    );
    let back = ask(
        &mut core,
        r#"{"v":1,"id":5,"do":"seek","branch":0,"position":3}"#,
    );
    assert_eq!(number(&back, "view.position"), 3.0);
}

#[wasm_bindgen_test]
fn what_is_no_request_is_answered() {
    let mut core = Core::new();
    for request in [
        r#""x""#,
        "null",
        r#"{"v":2,"id":7}"#,
        r#"{"v":1,"id":7,"do":"fly"}"#,
    ] {
        let answer = ask(&mut core, request);
        assert_eq!(get(&answer, "ok"), JsValue::FALSE, "{request}");
        assert_eq!(
            get(&answer, "error.kind").as_string().as_deref(),
            Some("request")
        );
    }
    let none = core
        .handle(JsValue::UNDEFINED)
        .unwrap_or_else(|_| panic!("it is answered"));
    assert_eq!(get(&none, "ok"), JsValue::FALSE);
    assert!(trace_hash("nonsense", 1).is_err());
}
