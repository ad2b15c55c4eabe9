//! Takes off what is rated above the age of the youngest who is there. It only ever takes off: where
//! it knows of no child, it does nothing.

use attuned_plugin::*;

/// Row of `[[reason]]` in `plugin.toml`: rated above the youngest.
const TOO_YOUNG: u16 = 0;

/// Row of `[[reason]]` in `plugin.toml`: not rated at all.
const NOT_RATED: u16 = 1;

/// Who is there, in the facet `presence`, separated by commas or spaces.
const CHILDREN: [&str; 4] = ["child", "children", "kid", "kids"];

/// From this age on nobody is protected.
const ADULT: f32 = 18.0;

struct KidsGuard;

impl Rule for KidsGuard {
    fn check() -> Result<(), Failure> {
        setting::<f32>("default-age")?;
        setting::<bool>("allow-unrated")?;
        Ok(())
    }

    fn rank(context: &Context, candidates: &Candidates) -> Result<Ruling, Failure> {
        let mut verdicts = Verdicts::new();
        let Some(age) = youngest(context)? else { return verdicts.done() };
        let allow_unrated: bool = setting("allow-unrated")?;
        // Without the column the answer is an error, which the list's `degraded` names.
        let ratings = candidates.column("age-rating")?;
        for (p, rating) in (0..).zip(ratings) {
            if rating.is_nan() {
                if !allow_unrated {
                    verdicts.exclude(p).because(NOT_RATED);
                }
            } else if rating > age {
                verdicts.exclude(p).because(TOO_YOUNG);
            }
        }
        verdicts.done()
    }
}

/// The age to protect: `youngest-age` if it is a number, else that of the setting if children are
/// there.
fn youngest(context: &Context) -> Result<Option<f32>, Failure> {
    let told = context.facet("youngest-age").and_then(|age| age.trim().parse::<f32>().ok());
    if let Some(age) = told.filter(|age| *age >= 0.0) {
        return Ok(Some(age).filter(|age| *age < ADULT));
    }
    let presence = context.facet("presence").unwrap_or_default();
    let mut there = presence.split([',', ' ']);
    if there.any(|who| CHILDREN.contains(&who)) { setting("default-age").map(Some) } else { Ok(None) }
}

export_rule!(KidsGuard);

#[cfg(test)]
mod tests {
    use super::*;

    /// Which of films rated 0, 6, 12, 18 and not at all are taken off.
    fn check(facets: &[(&str, &str)], allow_unrated: &str, expected: &[Position]) {
        sample::set_setting("default-age", "6");
        sample::set_setting("allow-unrated", allow_unrated);
        let request = facets.iter().fold(sample::Request::new(), |r, (name, value)| r.with_facet(name, value));
        let films = sample::Batch::new(5).with_feature("age-rating", &[0.0, 6.0, 12.0, 18.0, f32::NAN]);
        let Ok(Ruling::Adjust(verdicts)) = KidsGuard::rank(&request.context(), &films.candidates()) else {
            panic!("no verdicts");
        };
        assert!(verdicts.iter().all(|verdict| verdict.action == Action::Exclude));
        let off: Vec<Position> = verdicts.iter().map(|verdict| verdict.position).collect();
        assert_eq!(off, expected, "{facets:?}");
    }

    #[test]
    fn the_youngest_decides() {
        check(&[("youngest-age", "12")], "true", &[3]);
        check(&[("youngest-age", "5.5")], "false", &[1, 2, 3, 4]);
        check(&[("youngest-age", "35"), ("presence", "kids")], "false", &[]);
    }

    #[test]
    fn children_of_unknown_age_have_the_age_of_the_setting() {
        check(&[("presence", "adults, kids")], "false", &[2, 3, 4]);
        check(&[("presence", "child"), ("youngest-age", "?")], "true", &[2, 3]);
    }

    #[test]
    fn without_children_nothing_happens() {
        check(&[], "false", &[]);
        check(&[("presence", "adults")], "false", &[]);
    }
}
