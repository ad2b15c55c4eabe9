//! A GPU that is wished for: its results, or the processor's after one warning.

use std::fmt::{self, Debug};
use std::sync::{Arc, Mutex};

use attuned_encoders::{BareNetwork, Choice, Encoders, Encoding, Limits, Runtime};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use crate::{encoders, models};

/// The least cosine between a GPU's embedding and the processor's.
const COSINE_MIN: f32 = 0.999;

/// Keeps the fields of warnings.
#[derive(Clone, Default)]
struct Warnings(Arc<Mutex<Vec<String>>>);

impl Subscriber for Warnings {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= Level::WARN
    }

    fn event(&self, event: &Event<'_>) {
        let mut text = Text(String::new());
        event.record(&mut text);
        self.0.lock().expect("not poisoned").push(text.0);
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        fmt::write(&mut self.0, format_args!("{field}={value:?} ")).expect("a string takes everything");
    }
}

/// One of each kind of content.
fn understood(by: &Encoders) -> Vec<Encoding> {
    let picture = std::fs::read(models().join("efficientnet-lite0/golden/cat.png")).expect("is read");
    let sound = std::fs::read(models().join("yamnet/golden/beat.wav")).expect("is read");
    vec![
        by.encode_text("a night train through the Alps").expect("is understood"),
        by.encode_text("阿尔卑斯山的夜行列车，窗外下着雪。").expect("is understood"),
        by.encode_image(&picture).expect("is understood"),
        by.encode_audio(&sound).expect("is understood"),
    ]
}

/// The only test here that wishes for a GPU: the warning is one for the process.
#[test]
fn a_gpu_understands_as_the_processor_does_which_does_it_after_one_warning_without() {
    let warnings = Warnings::default();
    let (found, is_on_gpu) = tracing::subscriber::with_default(warnings.clone(), || {
        let (limits, choice) = (Limits::default(), Choice::default());
        let wishing = Encoders::open_choosing(&models(), limits, &choice, u64::MAX, Runtime::GpuOrCpu);
        let found = understood(&wishing.expect("the folder of models opens"));
        let network = BareNetwork::open(&models().join("yamnet"), Runtime::GpuOrCpu).expect("loads");
        (found, network.is_on_gpu())
    });
    let expected = understood(&encoders());
    for (found, expected) in found.iter().zip(&expected) {
        let cosine = found.embedding.cosine(&expected.embedding);
        assert!(
            if is_on_gpu { cosine >= COSINE_MIN } else { found.embedding == expected.embedding },
            "{}: cosine {cosine}, on a GPU: {is_on_gpu}",
            found.model
        );
        assert_eq!(found.model, expected.model);
    }
    let warnings = warnings.0.lock().expect("not poisoned");
    assert_eq!(warnings.len(), usize::from(!is_on_gpu), "{warnings:?}");
    for warning in &*warnings {
        assert!(warning.contains("no GPU can be used, models run on the processor"), "{warning}");
        let reason = if cfg!(feature = "cuda") { "CUDA" } else { "built without the features" };
        assert!(warning.contains(reason), "{warning}");
    }
}
