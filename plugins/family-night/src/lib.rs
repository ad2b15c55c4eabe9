//! Raises family titles on the living-room TV in the evening, the less known ones a little more, and
//! on a family evening keeps horror away.

use attuned_plugin::*;

/// How much of the weight a title gets on top if nobody in the house has seen it yet.
const NOVELTY_SHARE: f32 = 0.5;

/// By how much the odds of horror shrink on a family evening where it may not be taken off.
const HORROR_FACTOR: f32 = 0.5;

/// Row of `[[reason]]` in `plugin.toml`: good for family time.
const FAMILY_EVENING: u16 = 0;

/// Row of `[[reason]]` in `plugin.toml`: not for a family evening.
const NOT_FOR_FAMILY: u16 = 1;

struct FamilyNight;

impl Rule for FamilyNight {
    fn check() -> Result<(), Failure> {
        setting::<f32>("weight")?;
        setting::<bool>("hide-horror")?;
        Ok(())
    }

    fn rank(context: &Context, candidates: &Candidates) -> Result<Ruling, Failure> {
        let mut verdicts = Verdicts::new();
        if context.is("daypart", "evening") && context.is("device-class", "tv") {
            let weight: f32 = setting("weight")?;
            let novelty = candidates.column("novelty")?;
            for p in candidates.tagged("family") {
                let novelty = Some(novelty[p as usize]).filter(|n| n.is_finite()).unwrap_or(0.0);
                verdicts.boost(p, weight * (1.0 + NOVELTY_SHARE * novelty)).because(FAMILY_EVENING);
            }
        }
        if context.is("occasion", "family") {
            let hide: bool = setting("hide-horror")?;
            for p in candidates.tagged("horror") {
                let verdict = if hide { verdicts.exclude(p) } else { verdicts.scale(p, HORROR_FACTOR) };
                verdict.because(NOT_FOR_FAMILY);
            }
        }
        verdicts.done()
    }
}

export_rule!(FamilyNight);

#[cfg(test)]
mod tests {
    use super::*;

    fn check(facets: &[(&str, &str)], expected: &[Verdict]) {
        sample::set_setting("weight", "0.2");
        sample::set_setting("hide-horror", "false");
        let request = facets.iter().fold(sample::Request::new(), |r, (name, value)| r.with_facet(name, value));
        let batch = sample::Batch::new(4)
            .with_feature("novelty", &[0.0, 1.0, f32::NAN, 1.0])
            .with_tag("family", &[1, 2])
            .with_tag("horror", &[3]);
        let ruling = FamilyNight::rank(&request.context(), &batch.candidates());
        assert_eq!(ruling, Ok(Ruling::Adjust(expected.to_vec())));
    }

    fn family(position: Position, log_odds: f32) -> Verdict {
        Verdict { position, action: Action::Boost(log_odds), reason: Some(FAMILY_EVENING) }
    }

    #[test]
    fn an_evening_at_the_tv_raises_family_titles() {
        check(&[("daypart", "evening"), ("device-class", "tv")], &[family(1, 0.3), family(2, 0.2)]);
        check(&[("daypart", "evening"), ("device-class", "phone")], &[]);
        check(&[("daypart", "morning"), ("device-class", "tv")], &[]);
        check(&[], &[]);
    }

    #[test]
    fn a_family_evening_lowers_horror() {
        let horror = Verdict { position: 3, action: Action::Scale(0.5), reason: Some(NOT_FOR_FAMILY) };
        check(&[("occasion", "family")], &[horror]);
    }
}
