//! A guard around decoders of other people's making.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

use attuned_recommender::Modality;

use crate::error::EncodeError;

thread_local! {
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Runs a decoder. A panic in it is an unreadable file, not the end of the daemon, and is not written
/// to standard error: the error says it in one sentence. Nothing that it could leave half-changed
/// outlives the call.
pub(crate) fn guarded<T>(
    modality: Modality,
    decode: impl FnOnce() -> Result<T, EncodeError>,
) -> Result<T, EncodeError> {
    pass_over_guarded_panics();
    let before = GUARDED.replace(true);
    let result = catch_unwind(AssertUnwindSafe(decode));
    GUARDED.set(before);
    result.unwrap_or_else(|_| Err(EncodeError::unreadable(modality, "its data made the decoder fail")))
}

/// Puts a hook before the one that reports panics, once for the process.
fn pass_over_guarded_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let report = take_hook();
        set_hook(Box::new(move |panic| {
            if GUARDED.get() {
                let at = panic.location().map(ToString::to_string);
                tracing::debug!(at, "a decoder panicked");
            } else {
                report(panic);
            }
        }));
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_one_sentence_and_the_next_file_is_read() {
        let failed = guarded(Modality::Image, || -> Result<(), EncodeError> {
            let rows: Vec<u8> = Vec::new();
            assert!(!rows[..2].is_empty());
            Ok(())
        });
        let sentence = failed.expect_err("it panicked").to_string();
        assert!(sentence.contains("its data made the decoder fail"), "{sentence}");
        assert!(!GUARDED.get(), "what panics later is reported");
        assert_eq!(guarded(Modality::Image, || Ok(7)).expect("it did not panic"), 7);
        // A guard within a guard leaves the outer one in place.
        let nested = guarded(Modality::Audio, || {
            drop(guarded(Modality::Audio, || Ok(())));
            Ok(GUARDED.get())
        });
        assert!(nested.expect("it did not panic"));
    }
}
