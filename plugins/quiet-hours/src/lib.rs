//! In the quiet hours, lowers what is loud by how loud it is, and what is long.

use attuned_plugin::*;

/// Row of `[[reason]]` in `plugin.toml`: loud for this hour.
const TOO_LOUD: u16 = 0;

/// Row of `[[reason]]` in `plugin.toml`: ends late in the quiet hours.
const TOO_LONG: u16 = 1;

/// Minutes of a day.
const DAY: i32 = 24 * 60;

/// What ends later than this after the quiet hours began is long, in minutes.
const LATE: f32 = 60.0;

/// By how much what is long falls, in log-odds.
const LONG: f32 = 0.5;

struct QuietHours;

impl Rule for QuietHours {
    fn check() -> Result<(), Failure> {
        for name in ["from", "until", "loudness", "weight"] {
            setting::<f32>(name)?;
        }
        Ok(())
    }

    fn rank(context: &Context, candidates: &Candidates) -> Result<Ruling, Failure> {
        let mut verdicts = Verdicts::new();
        let (from, until): (f32, f32) = (setting("from")?, setting("until")?);
        let now = i32::from(context.minute_of_day());
        // Both are counted from when the quiet hours began, so that midnight is nothing special.
        let (since, whole) = ((now - from as i32).rem_euclid(DAY), (until as i32 - from as i32).rem_euclid(DAY));
        if since >= whole {
            return verdicts.done();
        }
        let (limit, weight): (f32, f32) = (setting("loudness")?, setting("weight")?);
        let loudness = candidates.column("loudness")?;
        let minutes = candidates.column("minutes")?;
        for (p, (loudness, minutes)) in (0..).zip(loudness.into_iter().zip(minutes)) {
            // NaN, which is absent, is not greater than anything.
            let above = if loudness > limit { loudness - limit } else { 0.0 };
            let long = if minutes + since as f32 > LATE { LONG } else { 0.0 };
            if above > 0.0 || long > 0.0 {
                let reason = if weight * above >= long { TOO_LOUD } else { TOO_LONG };
                verdicts.boost(p, -(weight * above + long)).because(reason);
            }
        }
        verdicts.done()
    }
}

export_rule!(QuietHours);

#[cfg(test)]
mod tests {
    use super::*;

    /// What becomes of something loud and short, quiet and short, quiet and long, and unknown.
    fn check(minute: u16, expected: &[(Position, f32)]) {
        for (name, value) in [("from", "1320"), ("until", "420"), ("loudness", "-18"), ("weight", "0.1")] {
            sample::set_setting(name, value);
        }
        let batch = sample::Batch::new(4)
            .with_feature("loudness", &[-8.0, -23.0, -23.0, f32::NAN])
            .with_feature("minutes", &[5.0, 5.0, 120.0, f32::NAN]);
        let request = sample::Request::new().at(minute, 1);
        let Ok(Ruling::Adjust(verdicts)) = QuietHours::rank(&request.context(), &batch.candidates()) else {
            panic!("no verdicts");
        };
        let got: Vec<(Position, f32)> = verdicts
            .iter()
            .map(|verdict| match verdict.action {
                Action::Boost(log_odds) => (verdict.position, log_odds),
                _ => panic!("only boosts"),
            })
            .collect();
        assert_eq!(got, expected, "{minute}");
    }

    #[test]
    fn the_quiet_hours_go_over_midnight() {
        let quiet = [(0, -1.0), (2, -0.5)];
        check(1319, &[]);
        check(1320, &quiet);
        // Two hours later everything of known length ends late.
        check(0, &[(0, -1.5), (1, -0.5), (2, -0.5)]);
        check(419, &[(0, -1.5), (1, -0.5), (2, -0.5)]);
        check(420, &[]);
    }
}
