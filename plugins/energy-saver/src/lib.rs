//! Lowers scenes and devices by the power that they need while it is dear, and raises those that the
//! sun alone can drive.

use attuned_plugin::*;

/// Row of `[[reason]]` in `plugin.toml`: power is dear.
const DEAR_POWER: u16 = 0;

/// Row of `[[reason]]` in `plugin.toml`: the sun gives it.
const SOLAR_SURPLUS: u16 = 1;

/// What the power is counted in, in watts.
const KILOWATT: f32 = 1000.0;

struct EnergySaver;

impl Rule for EnergySaver {
    fn check() -> Result<(), Failure> {
        setting::<f32>("weight")?;
        Ok(())
    }

    fn rank(context: &Context, candidates: &Candidates) -> Result<Ruling, Failure> {
        let mut verdicts = Verdicts::new();
        let surplus = context.facet("solar-surplus-w").and_then(|watts| watts.parse::<f32>().ok());
        let surplus = surplus.filter(|watts| watts.is_finite()).unwrap_or(0.0);
        let dear = context.is("tariff", "high");
        if surplus <= 0.0 && !dear {
            return verdicts.done();
        }
        let weight: f32 = setting("weight")?;
        let power = candidates.attribute("power_w")?;
        for kind in ["scene", "device"] {
            for p in candidates.of_kind(kind) {
                let watts = power.get(p).and_then(|watts| watts.parse::<f32>().ok());
                let Some(watts) = watts.filter(|watts| *watts > 0.0 && watts.is_finite()) else { continue };
                let change = weight * watts / KILOWATT;
                if watts <= surplus {
                    verdicts.boost(p, change).because(SOLAR_SURPLUS);
                } else if dear {
                    verdicts.boost(p, -change).because(DEAR_POWER);
                }
            }
        }
        verdicts.done()
    }
}

export_rule!(EnergySaver);

#[cfg(test)]
mod tests {
    use super::*;

    /// What becomes of a scene of 1 kW, a device of 2 kW, a film of 1 kW, and a scene without power.
    fn check(facets: &[(&str, &str)], expected: &[(Position, f32, u16)]) {
        sample::set_setting("weight", "0.5");
        let request = facets.iter().fold(sample::Request::new(), |r, (name, value)| r.with_facet(name, value));
        let batch = sample::Batch::new(4)
            .with_kind("scene", &[0, 3])
            .with_kind("device", &[1])
            .with_attribute("power_w", &[Some("1000"), Some("2000"), Some("1000"), None]);
        let verdict = |(position, log_odds, reason): &(Position, f32, u16)| Verdict {
            position: *position,
            action: Action::Boost(*log_odds),
            reason: Some(*reason),
        };
        let ruling = EnergySaver::rank(&request.context(), &batch.candidates());
        assert_eq!(ruling, Ok(Ruling::Adjust(expected.iter().map(verdict).collect())), "{facets:?}");
    }

    #[test]
    fn a_high_tariff_lowers_what_needs_much() {
        check(&[("tariff", "high")], &[(0, -0.5, DEAR_POWER), (1, -1.0, DEAR_POWER)]);
        check(&[("tariff", "low")], &[]);
        check(&[], &[]);
    }

    #[test]
    fn what_the_sun_can_drive_rises() {
        check(&[("solar-surplus-w", "1500")], &[(0, 0.5, SOLAR_SURPLUS)]);
        let both = [("solar-surplus-w", "1500"), ("tariff", "high")];
        check(&both, &[(0, 0.5, SOLAR_SURPLUS), (1, -1.0, DEAR_POWER)]);
        check(&[("solar-surplus-w", "-300")], &[]);
        check(&[("solar-surplus-w", "NaN")], &[]);
    }
}
