//! Work that is the same for many, on all processors. Only fitting does that; what people wait for runs
//! on the thread that asks.

use std::num::NonZero;
use std::thread::{available_parallelism, scope};

/// Most threads at once.
const THREADS_MAX: usize = 8;

/// What `work` makes of each of `all`, in their order, whatever the number of processors. `start` makes
/// what one thread works with.
pub(crate) fn each<T: Sync, S, R: Send>(
    all: &[T],
    start: impl Fn() -> S + Sync,
    work: impl Fn(&T, &mut S) -> R + Sync,
) -> Vec<R> {
    let threads = available_parallelism().map_or(1, NonZero::get).min(THREADS_MAX);
    let share = all.len().div_ceil(threads).max(1);
    let some = |part: &[T]| {
        let mut with = start();
        part.iter().map(|one| work(one, &mut with)).collect::<Vec<R>>()
    };
    scope(|scope| {
        let workers: Vec<_> = all.chunks(share).map(|part| scope.spawn(|| some(part))).collect();
        let done = workers.into_iter().map(|worker| worker.join());
        done.flat_map(|part| part.unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_is_that_of_the_input() {
        for count in [0, 1, 7, 1_000] {
            let all: Vec<usize> = (0..count).collect();
            let squares: Vec<usize> = all.iter().map(|i| i * i).collect();
            assert_eq!(each(&all, || (), |i, ()| i * i), squares);
        }
    }
}
