//! What another policy would have earned, estimated from what was shown, what came of it, and how
//! likely it was to be shown.
//!
//! Three estimators that differ in what they trust: [`Method::Ips`] the logged propensities alone,
//! [`Method::Snips`] the same with weights that are scaled to mean 1, [`Method::DoublyRobust`] also a
//! model of the reward, and is right if either is.

/// One thing that was shown.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Logged {
    /// What came of it.
    pub reward: f64,
    /// How likely the policy that showed it was to do so, above 0, at most 1.
    pub propensity: f64,
    /// How likely the policy to be judged would be to show the same, in `[0, 1]`.
    pub target: f64,
    /// What a model expected of what was shown; 0 where there is no model.
    pub predicted: f64,
    /// What the model expects of the policy to be judged in the same circumstances, the mean over
    /// what it might show; 0 where there is no model.
    pub expected: f64,
}

/// How the estimate is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Inverse propensity scoring: the mean of `weight · reward`, `weight = target / propensity`.
    /// Source: Horvitz, Thompson, JASA 47, 1952.
    Ips,
    /// The same over the mean weight: hardly biased, and steadier.
    /// Source: Swaminathan, Joachims, "The self-normalized estimator for counterfactual learning",
    /// NIPS 2015.
    Snips,
    /// The mean of `expected + weight · (reward - predicted)`.
    /// Source: Dudík, Langford, Li, "Doubly robust policy evaluation and learning", ICML 2011.
    DoublyRobust,
}

/// An estimated value of a policy.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// The mean reward that it would have earned.
    pub value: f64,
    /// The 95 % interval.
    pub interval: (f64, f64),
    /// How many things were shown.
    pub n: usize,
    /// Of how many things shown by the policy to be judged one would know as much (Kish); a small
    /// number says that the policies are too different for the log to tell.
    pub effective_n: f64,
}

/// Why there is no estimate. The caller leaves the log, or what is wrong in it, out.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum OffPolicyError {
    /// Fewer than two things were shown, so nothing is known of how sure an estimate is.
    #[error("{n} things were shown, expected 2 or more")]
    TooFew {
        /// How many.
        n: usize,
    },
    /// A likelihood is none.
    #[error("{what} of the thing shown at {at} is {value}, expected above 0 and at most 1")]
    NotAProbability {
        /// `propensity` or `target`; the latter may be 0.
        what: &'static str,
        /// Its place, from 0.
        at: usize,
        /// The value.
        value: f64,
    },
    /// A reward or a prediction is no number.
    #[error("the reward or a prediction of the thing shown at {at} is no finite number")]
    NotFinite {
        /// Its place, from 0.
        at: usize,
    },
    /// Nothing that was shown might have been shown by the policy to be judged.
    #[error("nothing that was shown might have been shown by the other policy")]
    NoOverlap,
}

/// The normal distribution's 97.5 % point.
const Z: f64 = 1.959_964;

/// Estimates what the policy to be judged would have earned.
///
/// The interval is the estimator's normal approximation with Student's correction for the effective
/// number of cases; of [`Method::Snips`] by the jackknife.
///
/// # Errors
///
/// The log is too short, or something in it is no number or no probability.
pub fn estimate(logged: &[Logged], method: Method) -> Result<Estimate, OffPolicyError> {
    check(logged)?;
    let n = logged.len() as f64;
    let weights: Vec<f64> = logged.iter().map(|shown| shown.target / shown.propensity).collect();
    let (sum, squares) =
        (weights.iter().sum::<f64>(), weights.iter().map(|weight| weight * weight).sum::<f64>());
    if squares == 0.0 {
        return Err(OffPolicyError::NoOverlap);
    }
    let effective_n = sum * sum / squares;
    let term = |(shown, weight): (&Logged, &f64)| match method {
        Method::Ips | Method::Snips => weight * shown.reward,
        Method::DoublyRobust => shown.expected + weight * (shown.reward - shown.predicted),
    };
    let terms: Vec<f64> = logged.iter().zip(&weights).map(term).collect();
    let mean = terms.iter().sum::<f64>() / n;
    let (value, variance) = match method {
        Method::Ips | Method::DoublyRobust => {
            (mean, terms.iter().map(|term| (term - mean).powi(2)).sum::<f64>() / (n - 1.0))
        }
        Method::Snips => {
            let value = mean * n / sum;
            // What leaving each one out changes (jackknife): a heavy one hides its own error.
            let change = |(shown, weight): (&Logged, &f64)| match sum - weight {
                0.0 => shown.reward - value,
                others => weight * (shown.reward - value) / others,
            };
            let changes = logged.iter().zip(&weights).map(change);
            (value, changes.map(|change| change * change).sum::<f64>() * (n - 1.0))
        }
    };
    // Student's quantile by the first term of its expansion in 1 / degrees of freedom
    // (Abramowitz, Stegun, 26.7.5).
    let freedom = (effective_n - 1.0).max(1.0);
    let width = (Z + (Z.powi(3) + Z) / (4.0 * freedom)) * (variance / n).sqrt();
    Ok(Estimate { value, interval: (value - width, value + width), n: logged.len(), effective_n })
}

fn check(logged: &[Logged]) -> Result<(), OffPolicyError> {
    if logged.len() < 2 {
        return Err(OffPolicyError::TooFew { n: logged.len() });
    }
    for (at, shown) in logged.iter().enumerate() {
        if !(shown.propensity > 0.0 && shown.propensity <= 1.0) {
            return Err(OffPolicyError::NotAProbability { what: "propensity", at, value: shown.propensity });
        }
        if !(0.0..=1.0).contains(&shown.target) {
            return Err(OffPolicyError::NotAProbability { what: "target", at, value: shown.target });
        }
        if ![shown.reward, shown.predicted, shown.expected].iter().all(|value| value.is_finite()) {
            return Err(OffPolicyError::NotFinite { at });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::split_mix;

    const ACTIONS: usize = 5;
    const CONTEXTS: usize = 3;

    fn shown(reward: f64, propensity: f64, target: f64) -> Logged {
        Logged { reward, propensity, target, predicted: 0.0, expected: 0.0 }
    }

    #[test]
    fn estimates_are_those_computed_by_hand() {
        // Weights 2, 0.5 and 1.
        let log = [shown(1.0, 0.5, 1.0), shown(1.0, 0.5, 0.25), shown(0.0, 0.5, 0.5)];
        let value = |method| estimate(&log, method).expect("an estimate").value;
        assert!((value(Method::Ips) - 2.5 / 3.0).abs() < 1e-12);
        assert!((value(Method::Snips) - 2.5 / 3.5).abs() < 1e-12);
        let model = log.map(|shown| Logged { predicted: 0.5, expected: 0.6, ..shown });
        let robust = estimate(&model, Method::DoublyRobust).expect("an estimate");
        // 0.6 + 2 * 0.5, 0.6 + 0.5 * 0.5, 0.6 - 0.5.
        assert!((robust.value - (1.6 + 0.85 + 0.1) / 3.0).abs() < 1e-12);
        assert!((robust.effective_n - 3.5 * 3.5 / 5.25).abs() < 1e-12);
        assert_eq!(robust.n, 3);
    }

    #[test]
    fn what_is_no_log_is_refused() {
        let error = |log: &[Logged]| estimate(log, Method::Ips).expect_err("refused").to_string();
        let good = shown(1.0, 0.5, 0.5);
        assert_eq!(error(&[good]), "1 things were shown, expected 2 or more");
        assert_eq!(
            error(&[good, shown(1.0, 0.0, 0.5)]),
            "propensity of the thing shown at 1 is 0, expected above 0 and at most 1"
        );
        assert_eq!(
            error(&[shown(1.0, 0.5, f64::NAN), good]),
            "target of the thing shown at 0 is NaN, expected above 0 and at most 1"
        );
        assert_eq!(
            error(&[good, shown(f64::INFINITY, 0.5, 0.5)]),
            "the reward or a prediction of the thing shown at 1 is no finite number"
        );
        assert_eq!(
            error(&[shown(1.0, 0.5, 0.0), shown(0.0, 0.5, 0.0)]),
            "nothing that was shown might have been shown by the other policy"
        );
    }

    /// How likely the reward is: the world of the simulation.
    fn truth(context: usize, action: usize) -> f64 {
        0.1 + 0.15 * ((context * 2 + action * 3) % ACTIONS) as f64
    }

    /// A model of it that is wrong by up to 0.2.
    fn model(context: usize, action: usize) -> f64 {
        truth(context, action) + 0.1 * ((action + context) % 5) as f64 - 0.2
    }

    /// Explores: one in three by chance, otherwise what suits the context by and large.
    fn logging(context: usize, action: usize) -> f64 {
        1.0 / 3.0 / ACTIONS as f64 + if action == context { 2.0 / 3.0 } else { 0.0 }
    }

    /// Shows mostly two other things.
    fn judged(context: usize, action: usize) -> f64 {
        [0.45, 0.35, 0.1, 0.06, 0.04][(action + 2 * context + 3) % ACTIONS]
    }

    fn simulate(seed: u64, n: usize) -> Vec<Logged> {
        let mut state = split_mix(seed ^ 0x5eed);
        let mut unit = || {
            state = state.wrapping_add(1);
            (split_mix(state) >> 11) as f64 / (1_u64 << 53) as f64
        };
        (0..n)
            .map(|_| {
                let context = (unit() * CONTEXTS as f64) as usize;
                let mut left = unit();
                let action = (0..ACTIONS - 1)
                    .find(|action| {
                        left -= logging(context, *action);
                        left < 0.0
                    })
                    .unwrap_or(ACTIONS - 1);
                Logged {
                    reward: f64::from(u8::from(unit() < truth(context, action))),
                    propensity: logging(context, action),
                    target: judged(context, action),
                    predicted: model(context, action),
                    expected: (0..ACTIONS).map(|other| judged(context, other) * model(context, other)).sum(),
                }
            })
            .collect()
    }

    #[test]
    fn intervals_hold_the_truth_as_often_as_they_say() {
        let truth: f64 = (0..CONTEXTS)
            .flat_map(|context| (0..ACTIONS).map(move |action| (context, action)))
            .map(|(context, action)| judged(context, action) * truth(context, action) / CONTEXTS as f64)
            .sum();
        let seeds = 1000;
        for method in [Method::Ips, Method::Snips, Method::DoublyRobust] {
            let (mut held, mut widths, mut bias) = (0, 0.0, 0.0);
            for seed in 0..seeds {
                let Estimate { value, interval: (low, high), .. } =
                    estimate(&simulate(seed, 1000), method).expect("an estimate");
                held += u64::from(low <= truth && truth <= high);
                widths += (high - low) / seeds as f64;
                bias += (value - truth) / seeds as f64;
            }
            // 95 %, less two standard errors of a share of 1000.
            assert!(held * 1000 >= 936 * seeds, "{method:?}: {held} of {seeds}");
            assert!(held * 1000 <= 970 * seeds, "{method:?} says less than it knows: {held} of {seeds}");
            assert!(bias.abs() < 0.01 && widths < 0.3, "{method:?}: bias {bias}, width {widths}");
        }
    }

    #[test]
    fn a_model_that_is_right_needs_no_propensities_and_the_other_way_round() {
        let log = simulate(5, 20_000);
        let truth: f64 = estimate(&log, Method::Ips).expect("an estimate").value;
        let blind = log.iter().map(|shown| Logged { predicted: 0.0, expected: 0.0, ..*shown });
        let blind = estimate(&blind.collect::<Vec<_>>(), Method::DoublyRobust).expect("an estimate");
        assert!((blind.value - truth).abs() < 1e-12, "without a model it is the plain estimate");
        let robust = estimate(&log, Method::DoublyRobust).expect("an estimate");
        let plain = estimate(&log, Method::Ips).expect("an estimate");
        let width = |estimate: Estimate| estimate.interval.1 - estimate.interval.0;
        assert!(width(robust) < width(plain), "a model that is roughly right makes it surer");
    }
}
