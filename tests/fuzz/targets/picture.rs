#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    attuned_fuzz::pass_known_panics();
    attuned_fuzz::picture(bytes);
});
