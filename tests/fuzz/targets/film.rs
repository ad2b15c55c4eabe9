#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| attuned_fuzz::film(bytes));
