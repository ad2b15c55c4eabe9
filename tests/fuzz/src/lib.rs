//! The decoders' and parsers' own source files, compiled with coverage counters and without the
//! networks behind them, which take twenty times as long to build and see nothing of a file but
//! numbers.

#![allow(dead_code, unused_imports, missing_docs, reason = "each file is compiled for a part of it")]

#[path = "../../../daemon/attuned/src"]
mod daemon {
    pub mod config;
    pub mod document;
}

#[path = "../../../daemon/encoders/src"]
mod encoders {
    pub mod error;
    pub mod limits;

    pub mod audio {
        pub mod decode;
        pub mod opus;
        pub mod resample;
    }
    pub mod image {
        pub mod decode;
    }
    pub mod video {
        pub mod container;
        pub mod tracks;
    }
}

/// The guard of the encoders, without its hook: here a panic is a finding.
mod guard {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use attuned_recommender::Modality;

    use crate::error::EncodeError;

    pub(crate) fn guarded<T>(
        modality: Modality,
        decode: impl FnOnce() -> Result<T, EncodeError>,
    ) -> Result<T, EncodeError> {
        catch_unwind(AssertUnwindSafe(decode))
            .unwrap_or_else(|_| Err(EncodeError::unreadable(modality, "its data made the decoder fail")))
    }
}

// Where the files expect each other.
use daemon::{config, document};
use encoders::{audio, error, image, limits, video};

mod check;
pub use check::*;
