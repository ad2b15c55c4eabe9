//! The clock of the deadline: while calls run, a thread raises the engine's epoch once a
//! millisecond. It sleeps while no plugin is asked.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use wasmtime::{Engine, EngineWeak};

use crate::limits::{CHAIN_MS, WALL_MS};

/// One tick of the epoch.
const TICK: Duration = Duration::from_millis(1);

/// How long the thread goes on after the last call began: any call has ended by then, and a host that
/// is asked often need not wake the thread each time.
const AWAKE: Duration = Duration::from_millis(500);

const _: () = assert!(AWAKE.as_millis() as u64 > 2 * (WALL_MS.max + CHAIN_MS));

pub(crate) struct Ticker {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    calls: AtomicU64,
    asleep: AtomicBool,
    stop: Mutex<bool>,
    wake: Condvar,
}

impl Ticker {
    /// Starts the thread. It holds the engine weakly, so that it never keeps it alive.
    pub(crate) fn start(engine: &Engine) -> std::io::Result<Ticker> {
        let shared = Arc::new(Shared::default());
        let (engine, seen) = (engine.weak(), Arc::clone(&shared));
        let thread = Builder::new().name("plugin-epoch".to_owned()).spawn(move || tick(&seen, &engine))?;
        Ok(Ticker { shared, thread: Some(thread) })
    }

    /// Makes sure that the epoch moves from now on, and for at least [`AWAKE`].
    pub(crate) fn arm(&self) {
        self.shared.calls.fetch_add(1, SeqCst);
        // The thread says that it falls asleep before it looks at `calls` a last time, so one of the
        // two sees the other.
        if self.shared.asleep.load(SeqCst) {
            drop(self.shared.stop.lock().unwrap_or_else(PoisonError::into_inner));
            self.shared.wake.notify_one();
        }
    }
}

/// How many ticks to allow so that at least `time` passes: a tick may come right after the call
/// began.
pub(crate) fn ticks(time: Duration) -> u64 {
    time.as_micros().div_ceil(TICK.as_micros()) as u64 + 1
}

impl Drop for Ticker {
    fn drop(&mut self) {
        *self.shared.stop.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.shared.wake.notify_one();
        if let Some(thread) = self.thread.take() {
            // The thread has nothing that can panic, and there is nothing to do if it did.
            drop(thread.join());
        }
    }
}

fn tick(shared: &Shared, engine: &EngineWeak) {
    let mut stop = shared.stop.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        let mut calls = shared.calls.load(SeqCst);
        let mut active = Instant::now();
        let mut ticked = active;
        while active.elapsed() < AWAKE {
            stop = shared.wake.wait_timeout(stop, TICK).unwrap_or_else(PoisonError::into_inner).0;
            let Some(engine) = engine.upgrade().filter(|_| !*stop) else { return };
            // Ticks are counted by the clock, so that a thread that woke late catches up.
            let due = ticked.elapsed().as_micros() / TICK.as_micros();
            for _ in 0..due {
                engine.increment_epoch();
            }
            ticked += TICK * due as u32;
            let calls_now = shared.calls.load(SeqCst);
            if calls_now != calls {
                (calls, active) = (calls_now, Instant::now());
            }
        }
        shared.asleep.store(true, SeqCst);
        while shared.calls.load(SeqCst) == calls && !*stop {
            stop = shared.wake.wait(stop).unwrap_or_else(PoisonError::into_inner);
        }
        shared.asleep.store(false, SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_has_at_least_its_time() {
        assert_eq!(ticks(Duration::ZERO), 1);
        assert_eq!(ticks(Duration::from_millis(10)), 11);
        assert_eq!(ticks(Duration::from_micros(10_001)), 12);
    }

    #[test]
    fn the_thread_ends_with_the_ticker() {
        let ticker = Ticker::start(&Engine::default()).expect("a thread");
        let shared = Arc::downgrade(&ticker.shared);
        drop(ticker);
        assert_eq!(shared.strong_count(), 0);
    }
}
