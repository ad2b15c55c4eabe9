//! Raises what suits the weather, and lowers what does not, by half as much.

use attuned_plugin::*;

/// Row of `[[reason]]` in `plugin.toml`: suits the weather.
const SUITS: u16 = 0;

/// Row of `[[reason]]` in `plugin.toml`: not for this weather.
const NOT_NOW: u16 = 1;

/// What does not suit the weather falls by this share of what suits it rises by.
const LOWER_SHARE: f32 = 0.5;

/// Words for the weather, as Home Assistant's weather entities say it; the tags that suit it; and
/// those that do not.
const MOODS: [(&[&str], &[&str], &[&str]); 4] = [
    (&["rainy", "pouring", "cloudy", "fog", "hail"], &["cosy", "calm", "melancholic"], &["summer", "outdoor"]),
    (&["sunny", "clear", "partlycloudy"], &["upbeat", "summer", "outdoor"], &["melancholic"]),
    (&["snowy", "snowy-rainy"], &["winter", "cosy"], &["summer"]),
    (&["lightning", "lightning-rainy", "windy", "windy-variant"], &["dramatic", "cosy"], &["outdoor"]),
];

struct WeatherMood;

impl Rule for WeatherMood {
    fn check() -> Result<(), Failure> {
        setting::<f32>("weight")?;
        Ok(())
    }

    fn rank(context: &Context, candidates: &Candidates) -> Result<Ruling, Failure> {
        let mut verdicts = Verdicts::new();
        let weather = context.facet("weather").unwrap_or_default();
        let Some((_, suits, not_now)) = MOODS.iter().find(|(words, ..)| words.contains(&weather.as_str())) else {
            return verdicts.done();
        };
        let weight: f32 = setting("weight")?;
        for p in not_now.iter().flat_map(|tag| candidates.tagged(tag)) {
            verdicts.boost(p, -weight * LOWER_SHARE).because(NOT_NOW);
        }
        // The last verdict on a candidate counts, so that one which has both kinds of tags rises.
        for p in suits.iter().flat_map(|tag| candidates.tagged(tag)) {
            verdicts.boost(p, weight).because(SUITS);
        }
        verdicts.done()
    }
}

export_rule!(WeatherMood);

#[cfg(test)]
mod tests {
    use super::*;

    /// What becomes of something cosy, something for outdoors, and something that is both.
    fn check(weather: &str, expected: &[(Position, f32, u16)]) {
        sample::set_setting("weight", "0.2");
        let request = sample::Request::new().with_facet("weather", weather);
        let batch = sample::Batch::new(3).with_tag("cosy", &[0, 2]).with_tag("outdoor", &[1, 2]);
        let verdict = |(position, log_odds, reason): &(Position, f32, u16)| Verdict {
            position: *position,
            action: Action::Boost(*log_odds),
            reason: Some(*reason),
        };
        let ruling = WeatherMood::rank(&request.context(), &batch.candidates());
        assert_eq!(ruling, Ok(Ruling::Adjust(expected.iter().map(verdict).collect())), "{weather}");
    }

    #[test]
    fn the_weather_decides() {
        check("rainy", &[(0, 0.2, SUITS), (1, -0.1, NOT_NOW), (2, 0.2, SUITS)]);
        check("sunny", &[(1, 0.2, SUITS), (2, 0.2, SUITS)]);
        check("snowy", &[(0, 0.2, SUITS), (2, 0.2, SUITS)]);
        check("exceptional", &[]);
        check("", &[]);
    }
}
