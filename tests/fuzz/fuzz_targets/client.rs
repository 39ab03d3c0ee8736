#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| zablab_tests::decoders::client(bytes));
