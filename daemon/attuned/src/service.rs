//! The program as a service: what the service manager is told, and when its watchdog is fed.
//!
//! Owns the messages to systemd and the pulses of the program's loops. It knows no loop by name:
//! each registers its own pulse. Without a service manager all of it does nothing.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use sd_notify::NotifyState;
use tracing::{debug, warn};

/// How often a loop with nothing to do beats, so that waiting is told from hanging. The unit's
/// watchdog must allow several of these.
pub const BEAT_EVERY: Duration = Duration::from_secs(2);

/// The pulses of all loops that must go on for the program to be of use. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Progress(Arc<Mutex<Vec<Pulse>>>);

impl Progress {
    /// Adds a loop, whose name no other loop has. From now on the watchdog starves if the loop stops beating for as long as its
    /// pulse exists; dropping the last clone of the pulse takes the loop off again.
    #[must_use]
    pub fn register(&self, name: &'static str) -> Pulse {
        let pulse = Pulse { name, beats: Arc::default() };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(pulse.clone());
        pulse
    }

    /// The number of beats of each loop so far.
    #[must_use]
    pub fn beats(&self) -> Vec<Beats> {
        let mut pulses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        pulses.retain(|pulse| Arc::strong_count(&pulse.beats) > 1);
        let count = |pulse: &Pulse| Beats { name: pulse.name, count: pulse.beats.load(Ordering::Relaxed) };
        pulses.iter().map(count).collect()
    }
}

/// The pulse of one loop. The loop beats once a turn, and at least every [`BEAT_EVERY`] when it
/// has nothing to do.
#[derive(Debug, Clone)]
pub struct Pulse {
    name: &'static str,
    beats: Arc<AtomicU64>,
}

impl Pulse {
    /// Says that the loop has got round once more.
    pub fn beat(&self) {
        self.beats.fetch_add(1, Ordering::Relaxed);
    }

    /// Awaits `work` and beats meanwhile only because time passes. For waiting on others (a queue,
    /// the network), never around the loop's own work.
    pub async fn while_waiting<T>(&self, work: impl Future<Output = T>) -> T {
        self.while_waiting_every(BEAT_EVERY, work).await
    }

    async fn while_waiting_every<T>(&self, every: Duration, work: impl Future<Output = T>) -> T {
        let mut work = std::pin::pin!(work);
        loop {
            self.beat();
            if let Ok(done) = tokio::time::timeout(every, &mut work).await {
                return done;
            }
        }
    }
}

/// How often one loop has beaten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Beats {
    /// Which loop.
    pub name: &'static str,
    /// Beats since the start.
    pub count: u64,
}

/// What to do with the service manager's watchdog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Every loop goes on: feed it.
    Feed,
    /// These loops hang: let it starve.
    Starve(Vec<&'static str>),
}

/// Decides whether the watchdog is fed, from the loops' beats alone.
#[derive(Debug)]
pub struct Watchdog {
    stall_max: Duration,
    seen: BTreeMap<&'static str, (u64, Duration)>,
}

impl Watchdog {
    /// A loop hangs if it has not beaten for longer than `stall_max`.
    #[must_use]
    pub fn new(stall_max: Duration) -> Self {
        Self { stall_max, seen: BTreeMap::new() }
    }

    /// Judges the loops' beats at `now`, a time since any fixed point. A loop that appears is
    /// given the whole `stall_max` for its first beat; one that is gone is forgotten.
    pub fn judge(&mut self, now: Duration, beats: &[Beats]) -> Verdict {
        let mut seen = BTreeMap::new();
        for beat in beats {
            let since = match self.seen.get(beat.name) {
                Some(&(count, since)) if count == beat.count => since,
                Some(_) | None => now,
            };
            seen.insert(beat.name, (beat.count, since));
        }
        self.seen = seen;
        let hangs = |since: &Duration| now.saturating_sub(*since) > self.stall_max;
        let stuck: Vec<_> =
            self.seen.iter().filter(|(_, (_, since))| hangs(since)).map(|(name, _)| *name).collect();
        if stuck.is_empty() { Verdict::Feed } else { Verdict::Starve(stuck) }
    }
}

/// Feeds the service manager's watchdog for as long as every loop goes on. Never returns; returns
/// at once if the service manager asked for no watchdog.
///
/// A loop may stand still for half of the manager's interval, and the question is put four times
/// an interval: a hanging loop ends the program between one and one and a half intervals later.
pub async fn feed_watchdog(progress: Progress) {
    let Some(interval) = sd_notify::watchdog_enabled() else { return };
    let started = Instant::now();
    let mut watchdog = Watchdog::new(interval / 2);
    let mut ticks = tokio::time::interval(interval / 4);
    loop {
        ticks.tick().await;
        match watchdog.judge(started.elapsed(), &progress.beats()) {
            Verdict::Feed => tell(&[NotifyState::Watchdog]),
            Verdict::Starve(stuck) => warn!(?stuck, "loops stand still, the watchdog is not fed"),
        }
    }
}

/// How much longer the service manager waits for READY each time it is told that the start goes on.
const START_EXTENSION: Duration = Duration::from_secs(30);

/// Awaits `work`, the part of the start that may take as long as it likes (a broker that is away),
/// and tells the service manager all the while that the start goes on, and what it waits for.
pub async fn while_starting<T>(waiting_for: &str, work: impl Future<Output = T>) -> T {
    let mut work = std::pin::pin!(work);
    let status = one_line(waiting_for);
    loop {
        let usec = u32::try_from(START_EXTENSION.as_micros()).expect("half a minute in microseconds fits");
        tell(&[NotifyState::ExtendTimeoutUsec(usec), NotifyState::Status(&status)]);
        if let Ok(done) = tokio::time::timeout(START_EXTENSION / 3, &mut work).await {
            return done;
        }
    }
}

/// Tells the service manager that the program can answer.
pub fn ready(status: &str) {
    tell(&[NotifyState::Ready, NotifyState::Status(&one_line(status))]);
}

/// Tells the service manager in words how things are.
pub fn status(status: &str) {
    tell(&[NotifyState::Status(&one_line(status))]);
}

/// Tells the service manager that the program is ending.
pub fn stopping(status: &str) {
    tell(&[NotifyState::Stopping, NotifyState::Status(&one_line(status))]);
}

/// The protocol has one assignment a line, so a status with line breaks would be read as several.
fn one_line(status: &str) -> String {
    status.replace(['\n', '\r'], " ")
}

fn tell(states: &[NotifyState<'_>]) {
    // Losing a message to the service manager is its business: it restarts what does not report.
    if let Err(error) = sd_notify::notify(states) {
        debug!(%error, "the service manager could not be told");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seconds, the beats of the loops at that time, and `fed` or the loops that hang.
    type Line<'a> = (u64, &'a [(&'static str, u64)], &'a str);

    fn check(stall_max_s: u64, lines: &[Line<'_>]) {
        let mut watchdog = Watchdog::new(Duration::from_secs(stall_max_s));
        for (now_s, beats, expected) in lines {
            let beats: Vec<_> = beats.iter().map(|&(name, count)| Beats { name, count }).collect();
            let got = match watchdog.judge(Duration::from_secs(*now_s), &beats) {
                Verdict::Feed => "fed".to_owned(),
                Verdict::Starve(stuck) => stuck.join(" "),
            };
            assert_eq!(&got, expected, "at {now_s} s");
        }
    }

    #[test]
    fn one_hanging_loop_starves_the_watchdog() {
        check(
            10,
            &[
                (0, &[("mqtt", 1), ("store", 1)], "fed"),
                (5, &[("mqtt", 2), ("store", 1)], "fed"),
                (10, &[("mqtt", 3), ("store", 1)], "fed"),
                (11, &[("mqtt", 4), ("store", 1)], "store"),
                (30, &[("mqtt", 4), ("store", 1)], "mqtt store"),
            ],
        );
    }

    #[test]
    fn a_loop_that_goes_on_again_is_forgiven() {
        check(
            10,
            &[
                (0, &[("encoder", 7)], "fed"),
                (20, &[("encoder", 7)], "encoder"),
                (21, &[("encoder", 8)], "fed"),
                (31, &[("encoder", 8)], "fed"),
                (32, &[("encoder", 8)], "encoder"),
            ],
        );
    }

    #[test]
    fn a_new_loop_has_time_for_its_first_beat_and_a_gone_one_is_forgotten() {
        check(
            10,
            &[
                (0, &[("mqtt", 1)], "fed"),
                (9, &[("mqtt", 2), ("plugins", 0)], "fed"),
                (19, &[("mqtt", 3), ("plugins", 0)], "fed"),
                (20, &[("mqtt", 4), ("plugins", 0)], "plugins"),
                (21, &[("mqtt", 5)], "fed"),
            ],
        );
    }

    #[test]
    fn a_clock_that_goes_back_starves_nobody() {
        check(10, &[(100, &[("mqtt", 1)], "fed"), (50, &[("mqtt", 1)], "fed")]);
    }

    #[test]
    fn a_pulse_counts_until_it_is_dropped() {
        let progress = Progress::default();
        let (mqtt, store) = (progress.register("mqtt"), progress.register("store"));
        mqtt.beat();
        mqtt.beat();
        let counts = || progress.beats().iter().map(|b| (b.name, b.count)).collect::<Vec<_>>();
        assert_eq!(counts(), [("mqtt", 2), ("store", 0)]);
        drop(store);
        assert_eq!(counts(), [("mqtt", 2)]);
    }

    #[tokio::test]
    async fn a_loop_that_waits_beats() {
        let progress = Progress::default();
        let pulse = progress.register("mqtt");
        let three_beats = async {
            while progress.beats()[0].count < 3 {
                tokio::task::yield_now().await;
            }
        };
        pulse.while_waiting_every(Duration::from_millis(1), three_beats).await;
        assert_eq!(progress.beats()[0].count, 3);
    }

    #[test]
    fn a_status_stays_one_line() {
        assert_eq!(one_line("a\nMAINPID=1\r\nb"), "a MAINPID=1  b");
    }
}
