//! Networks on a GPU, and the way back to the processor.
//!
//! Whatever goes wrong there, results are given: by the processor from then on, after one warning.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};

// Linked for the runtimes that they register with tract.
#[cfg(feature = "cuda")]
use tract_cuda as _;
#[cfg(all(feature = "metal", target_vendor = "apple"))]
use tract_metal as _;
use tract_onnx::prelude::*;

/// Whether a GPU was tried in vain. It holds for the process: what is missing for one network is
/// missing for the next, and one warning tells it all.
static GIVEN_UP: AtomicBool = AtomicBool::new(false);

/// Prepares a network for the GPU; `None`, after a warning if it is the first time, if that fails.
pub(super) fn prepare(on_gpu: impl FnOnce() -> TractResult<Box<dyn Runnable>>) -> Option<Box<dyn Runnable>> {
    if is_given_up() {
        return None;
    }
    guarded(on_gpu).inspect_err(|reason| give_up(reason)).ok()
}

/// Runs what may panic: tract does where the libraries of a GPU are there and their headers are not,
/// or its folder for compiled kernels cannot be written.
///
/// # Errors
///
/// Why it failed, or the words of the panic.
pub(super) fn guarded<T>(work: impl FnOnce() -> TractResult<T>) -> Result<T, String> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(result) => result.map_err(|error| format!("{error:#}")),
        Err(panic) => Err(words(panic.as_ref())),
    }
}

fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("it panicked").to_owned()
}

/// Has everything run on the processor from now on, and says why, once.
pub(super) fn give_up(reason: &str) {
    if !GIVEN_UP.swap(true, Ordering::Relaxed) {
        let reason = if cfg!(any(feature = "cuda", all(feature = "metal", target_vendor = "apple"))) {
            reason
        } else {
            "the program was built without the features `cuda` and `metal`"
        };
        tracing::warn!(reason, "no GPU can be used, models run on the processor");
    }
}

/// Whether everything runs on the processor.
pub(super) fn is_given_up() -> bool {
    GIVEN_UP.load(Ordering::Relaxed)
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::OnceLock;

    use super::*;
    use crate::model::Model;
    use crate::network::{Array, Network, Runtime};

    /// A GPU whose kernels turn out not to run.
    #[derive(Debug)]
    struct Broken;

    impl Runnable for Broken {
        fn spawn(&self) -> TractResult<Box<dyn State>> {
            panic!("the kernel `gemm` is not there")
        }

        fn typed_plan(&self) -> Option<&Arc<TypedSimplePlan>> {
            None
        }

        fn typed_model(&self) -> Option<&Arc<TypedModel>> {
            None
        }
    }

    #[test]
    fn what_fails_on_the_gpu_is_done_by_the_processor() {
        let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/fusion-mean");
        let model = Model::read(&model).expect("a bundled model opens");
        let on_cpu = Network::load(&model, Runtime::Cpu).expect("it loads");
        let broken = Network { on_gpu: Some(Box::new(Broken)), on_cpu: OnceLock::new(), model };
        let inputs = |shape: &[usize]| {
            vec![Array::F32(shape.to_vec(), vec![0.1; 4 * 384]), Array::F32(vec![1, 4], vec![1.0; 4])]
        };
        let wrong = broken.run(inputs(&[1, 384, 4])).expect_err("not the network's shape");
        assert!(broken.is_on_gpu(), "inputs that nothing takes are no fault of the GPU: {wrong}");
        let found = broken.run(inputs(&[1, 4, 384])).expect("runs");
        assert_eq!(found, on_cpu.run(inputs(&[1, 4, 384])).expect("runs"));
        assert!(!broken.is_on_gpu());
        assert!(prepare(|| panic!("is not tried again")).is_none());
    }
}
