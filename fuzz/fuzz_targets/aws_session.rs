#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| forebay_fuzz_targets::run("aws_session", input));
