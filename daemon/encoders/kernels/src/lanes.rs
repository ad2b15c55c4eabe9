//! Which of the processor's vectors the loops use.

use pulp::{Arch, WithSimd};

/// Runs with the widest vectors that the processor has.
#[cfg(not(test))]
pub(crate) fn widest<O: WithSimd>(operation: O) -> O::Output {
    Arch::new().dispatch(operation)
}

#[cfg(test)]
pub(crate) use narrowed::{on_every, widest};

/// Tests try every kind that this processor has.
#[cfg(test)]
mod narrowed {
    use std::cell::Cell;

    use super::{Arch, WithSimd};

    thread_local! {
        static CHOSEN: Cell<Option<Arch>> = const { Cell::new(None) };
    }

    pub(crate) fn widest<O: WithSimd>(operation: O) -> O::Output {
        CHOSEN.get().unwrap_or_default().dispatch(operation)
    }

    /// Calls once for each kind of vectors.
    pub(crate) fn on_every<E>(mut test: impl FnMut() -> Result<(), E>) -> Result<(), E> {
        let mut kinds = vec![Arch::Scalar, Arch::new()];
        #[cfg(target_arch = "x86_64")]
        kinds.extend(pulp::x86::V3::try_new().map(Arch::V3));
        for kind in kinds {
            CHOSEN.set(Some(kind));
            test()?;
        }
        CHOSEN.set(None);
        Ok(())
    }
}
