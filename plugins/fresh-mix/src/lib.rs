//! Lowers what was played not long ago, the more so the more often, and raises what is new to the
//! house.

use attuned_plugin::*;

/// Row of `[[reason]]` in `plugin.toml`: played not long ago.
const PLAYED_RECENTLY: u16 = 0;

/// Row of `[[reason]]` in `plugin.toml`: nobody has seen it yet.
const NEW_TO_YOU: u16 = 1;

/// By how much each doubling of the plays adds to what a repeat costs, as a share of it.
const OFTEN_SHARE: f32 = 0.25;

/// Changes that nobody would notice are not made, in log-odds.
const LEAST: f32 = 0.01;

struct FreshMix;

impl Rule for FreshMix {
    fn check() -> Result<(), Failure> {
        for name in ["rest-days", "repeats", "novelty"] {
            setting::<f32>(name)?;
        }
        Ok(())
    }

    fn rank(_: &Context, candidates: &Candidates) -> Result<Ruling, Failure> {
        let mut verdicts = Verdicts::new();
        let rest_days: f32 = setting("rest-days")?;
        let (repeats, novelty): (f32, f32) = (setting("repeats")?, setting("novelty")?);
        let days = candidates.column("days-since-last")?;
        let plays = candidates.column("play-count")?;
        let new = candidates.column("novelty")?;
        for p in 0..candidates.len() {
            let at = p as usize;
            // What nobody has done anything with has no days, and costs nothing.
            let memory = if days[at] >= 0.0 { (-days[at] / rest_days).exp2() } else { 0.0 };
            let often = if plays[at] > 1.0 { plays[at].log2() } else { 0.0 };
            let lower = repeats * memory * (1.0 + OFTEN_SHARE * often);
            let raise = if new[at] > 0.0 { novelty * new[at] } else { 0.0 };
            let change = raise - lower;
            if change.abs() >= LEAST {
                let reason = if change < 0.0 { PLAYED_RECENTLY } else { NEW_TO_YOU };
                verdicts.boost(p, change).because(reason);
            }
        }
        verdicts.done()
    }
}

export_rule!(FreshMix);

#[cfg(test)]
mod tests {
    use super::*;

    /// What becomes of one candidate.
    fn check(days: f32, plays: f32, novelty: f32, expected: Option<(f32, u16)>) {
        for (name, value) in [("rest-days", "7"), ("repeats", "0.6"), ("novelty", "0.2")] {
            sample::set_setting(name, value);
        }
        let batch = sample::Batch::new(1)
            .with_feature("days-since-last", &[days])
            .with_feature("play-count", &[plays])
            .with_feature("novelty", &[novelty]);
        let ruling = FreshMix::rank(&sample::Request::new().context(), &batch.candidates());
        let expected = expected.map(|(log_odds, reason)| Verdict {
            position: 0,
            action: Action::Boost(log_odds),
            reason: Some(reason),
        });
        assert_eq!(ruling, Ok(Ruling::Adjust(expected.into_iter().collect())));
    }

    #[test]
    fn a_play_is_forgotten_by_halves() {
        check(0.0, 1.0, 0.0, Some((-0.6, PLAYED_RECENTLY)));
        check(7.0, 1.0, 0.0, Some((-0.3, PLAYED_RECENTLY)));
        check(70.0, 1.0, 0.0, None);
    }

    #[test]
    fn what_is_played_often_rests_longer() {
        check(0.0, 4.0, 0.0, Some((-0.6 * 1.5, PLAYED_RECENTLY)));
    }

    #[test]
    fn what_is_new_rises_and_what_is_unknown_stays() {
        check(f32::NAN, 0.0, 1.0, Some((0.2, NEW_TO_YOU)));
        check(f32::NAN, f32::NAN, f32::NAN, None);
    }
}
