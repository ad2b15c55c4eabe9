//! How well scores tell what will be liked, and how it will be rated, where the data says so.
//!
//! Scores of different recommenders have different units. So each is read through a link of two
//! numbers, by the half of the people who are not judged: logistic for liking, linear for ratings.
//! A recommender that says a probability itself is also judged by what it says, and one that says
//! stars by these alone.

use serde::Serialize;

use super::data::{Data, Interaction};
use super::ranker::{Ranker, Told};
use super::split::Stage;

/// How well liking was told.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Liking {
    /// Judged interactions.
    pub n: usize,
    /// Share that was told right.
    pub accuracy: f64,
    /// Share of what was told to be liked that was; 0 if nothing was.
    pub precision: f64,
    /// Share of what was liked that was told to be.
    pub recall: f64,
    /// The harmonic mean of both.
    pub f1: f64,
    /// What was told, and what was so.
    pub confusion: Confusion,
    /// Mean distance of probability and share, over ten bins of equal width, each by its size.
    /// Source: Naeini, Cooper, Hauskrecht, "Obtaining well calibrated probabilities using Bayesian
    /// binning", AAAI 2015.
    pub ece: f64,
    /// The bins that are not empty.
    pub bins: Vec<Bin>,
}

/// How often what was told and what was so came together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Confusion {
    /// Told to be liked, and liked.
    pub liked_as_liked: usize,
    /// Told to be disliked, but liked.
    pub liked_as_disliked: usize,
    /// Told to be liked, but disliked.
    pub disliked_as_liked: usize,
    /// Told to be disliked, and disliked.
    pub disliked_as_disliked: usize,
}

/// Cases of about the same probability.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Bin {
    /// How many.
    pub n: usize,
    /// The mean of what was told.
    pub told: f64,
    /// The share that was so.
    pub so: f64,
}

/// Everything that was judged of one recommender.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Judgement {
    /// By the fitted link.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub like_dislike: Option<Liking>,
    /// By the probability that the recommender says itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub like_dislike_as_said: Option<Liking>,
    /// Root of the mean squared error of ratings: of the stars that the recommender says, else by the
    /// fitted link.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rmse: Option<f64>,
    /// Mean absolute error of ratings.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mae: Option<f64>,
}

/// Most interactions that are judged: more make it slower, hardly surer.
const CASES_MAX: usize = 200_000;
/// Bins of a calibration.
const BINS: usize = 10;
/// Steps of Newton's method: it is exact long before.
const STEPS: usize = 25;
/// Keeps a link finite where a score tells all.
const RIDGE: f64 = 1e-3;

/// One held out interaction.
pub struct Case {
    user: u32,
    score: f64,
    said: Option<f64>,
    liked: Option<bool>,
    stars: Option<f64>,
}

impl Case {
    /// What a recommender said of it, and what was so.
    #[must_use]
    pub fn of(interaction: &Interaction, told: Told) -> Case {
        Case {
            user: interaction.user,
            score: f64::from(told.liking),
            said: told.stars.map(f64::from),
            liked: interaction.liked(),
            stars: interaction.stars().map(f64::from),
        }
    }
}

/// Judges a recommender on what the stage holds out; `None` where the data says neither what was
/// liked and disliked, nor ratings.
#[must_use]
pub fn judge(ranker: &dyn Ranker, data: &Data, stage: &Stage) -> Option<Judgement> {
    let of = |row: &u32| &data.interactions[*row as usize];
    let told = |row: &u32| of(row).liked().is_some() || of(row).stars().is_some();
    let rows: Vec<u32> = stage.held_rows.iter().copied().filter(told).take(CASES_MAX).collect();
    let is_told = |wanted: bool| rows.iter().any(|row| of(row).liked() == Some(wanted));
    let rated = rows.iter().any(|row| of(row).stars().is_some());
    // Scoring takes time, which would be for nothing.
    if !(rated || is_told(true) && is_told(false)) {
        return None;
    }
    let (cases, own) = scored(ranker, data, &rows);
    judge_cases(cases, own)
}

/// The same of cases whose scores are known; `own` says that these are log-odds of liking.
#[must_use]
pub fn judge_cases(mut cases: Vec<Case>, own: bool) -> Option<Judgement> {
    let is_told = |wanted: bool| cases.iter().any(|case| case.liked == Some(wanted));
    let both = is_told(true) && is_told(false);
    let rated = cases.iter().any(|case| case.stars.is_some());
    if !both && !rated {
        return None;
    }
    let mut judgement = Judgement::default();
    if both && own {
        let said = cases.iter().filter_map(|case| Some((sigmoid(case.score), case.liked?)));
        judgement.like_dislike_as_said = Some(liking(&said.collect::<Vec<_>>()));
    }
    standardise(&mut cases);
    if both {
        let labelled: Vec<(u32, f64, f64)> =
            cases.iter().filter_map(|case| Some((case.user, case.score, f64::from(case.liked?)))).collect();
        let told = linked(&labelled, logistic);
        let said = told.iter().zip(&labelled).map(|(z, (_, _, liked))| (sigmoid(*z), *liked > 0.5));
        judgement.like_dislike = Some(liking(&said.collect::<Vec<_>>()));
    }
    if rated {
        let labelled: Vec<(u32, f64, f64)> =
            cases.iter().filter_map(|case| Some((case.user, case.score, case.stars?))).collect();
        let said: Option<Vec<f64>> =
            cases.iter().filter(|case| case.stars.is_some()).map(|case| case.said).collect();
        let told = said.unwrap_or_else(|| linked(&labelled, linear));
        let errors = told.iter().zip(&labelled).map(|(told, (_, _, stars))| told.clamp(1.0, 5.0) - stars);
        let count = labelled.len() as f64;
        judgement.rmse = Some((errors.clone().map(|error| error * error).sum::<f64>() / count).sqrt());
        judgement.mae = Some(errors.map(f64::abs).sum::<f64>() / count);
    }
    Some(judgement)
}

/// The cases with the recommender's scores, and whether these are log-odds of its own.
fn scored(ranker: &dyn Ranker, data: &Data, rows: &[u32]) -> (Vec<Case>, bool) {
    let mut rows = rows.to_vec();
    rows.sort_by_key(|row| data.interactions[*row as usize].user);
    let mut cases = Vec::with_capacity(rows.len());
    let mut scores = vec![0.0; data.items.len()];
    let mut own = true;
    for rows in
        rows.chunk_by(|a, b| data.interactions[*a as usize].user == data.interactions[*b as usize].user)
    {
        let met: Vec<_> = rows.iter().map(|row| data.interactions[*row as usize]).collect();
        let items: Vec<u32> = met.iter().map(|interaction| interaction.item).collect();
        let told = ranker.told(met[0].user, &items).unwrap_or_else(|| {
            own = false;
            ranker.score(met[0].user, &mut scores);
            items.iter().map(|item| Told { liking: scores[*item as usize], stars: None }).collect()
        });
        cases.extend(met.iter().zip(told).map(|(interaction, score)| Case::of(interaction, score)));
    }
    (cases, own)
}

/// Scales the scores to mean 0 and deviation 1; those that are not finite to the least of the others.
fn standardise(cases: &mut [Case]) {
    let finite = || cases.iter().map(|case| case.score).filter(|score| score.is_finite());
    let count = finite().count().max(1) as f64;
    let least = finite().fold(f64::INFINITY, f64::min);
    let mean = finite().sum::<f64>() / count;
    let deviation = (finite().map(|score| (score - mean).powi(2)).sum::<f64>() / count).sqrt();
    for case in cases {
        let score = if case.score.is_finite() { case.score } else { least };
        case.score = if deviation > 0.0 && score.is_finite() { (score - mean) / deviation } else { 0.0 };
    }
}

/// What the link says of each case `(person, score, truth)`, fitted on the other half of the people.
fn linked(cases: &[(u32, f64, f64)], fit: fn(&[(f64, f64)]) -> [f64; 2]) -> Vec<f64> {
    // A half that has nothing to do with the order of the people.
    let half = |user: u32| (user.wrapping_mul(0x9e37_79b1) >> 16) & 1;
    let links = [0, 1].map(|judged| {
        let others: Vec<(f64, f64)> =
            cases.iter().filter(|(user, _, _)| half(*user) != judged).map(|(_, x, y)| (*x, *y)).collect();
        fit(&others)
    });
    cases
        .iter()
        .map(|(user, x, _)| {
            let [base, slope] = links[half(*user) as usize];
            base + slope * x
        })
        .collect()
}

/// Least squares of `y = a + b x`.
fn linear(cases: &[(f64, f64)]) -> [f64; 2] {
    let count = cases.len().max(1) as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| cases.iter().map(of).sum::<f64>() / count;
    let (x, y) = (mean(|case| case.0), mean(|case| case.1));
    let slope = cases.iter().map(|case| (case.0 - x) * (case.1 - y)).sum::<f64>()
        / (cases.iter().map(|case| (case.0 - x).powi(2)).sum::<f64>() + RIDGE);
    [y - slope * x, slope]
}

/// The likeliest `a + b x` as the log-odds of `y`, by Newton's method.
fn logistic(cases: &[(f64, f64)]) -> [f64; 2] {
    let (mut a, mut b) = (0.0, 0.0);
    for _ in 0..STEPS {
        let (mut ga, mut gb, mut haa, mut hab, mut hbb) = (-RIDGE * a, -RIDGE * b, RIDGE, 0.0, RIDGE);
        for (x, y) in cases {
            let p = sigmoid(a + b * x);
            let w = p * (1.0 - p);
            ga += y - p;
            gb += (y - p) * x;
            haa += w;
            hab += w * x;
            hbb += w * x * x;
        }
        let determinant = haa * hbb - hab * hab;
        if determinant <= 0.0 {
            break;
        }
        a += (hbb * ga - hab * gb) / determinant;
        b += (haa * gb - hab * ga) / determinant;
    }
    [a, b]
}

fn sigmoid(z: f64) -> f64 {
    1.0 / (1.0 + (-z).exp())
}

/// The figures of cases of `(probability, liked)`.
fn liking(cases: &[(f64, bool)]) -> Liking {
    let count =
        |told: bool, so: bool| cases.iter().filter(|case| (case.0 >= 0.5) == told && case.1 == so).count();
    let confusion = Confusion {
        liked_as_liked: count(true, true),
        liked_as_disliked: count(false, true),
        disliked_as_liked: count(true, false),
        disliked_as_disliked: count(false, false),
    };
    let share = |some: usize, of: usize| if of == 0 { 0.0 } else { some as f64 / of as f64 };
    let right = confusion.liked_as_liked;
    let precision = share(right, right + confusion.disliked_as_liked);
    let recall = share(right, right + confusion.liked_as_disliked);
    let f1 = if precision + recall > 0.0 { 2.0 * precision * recall / (precision + recall) } else { 0.0 };
    let bins: Vec<Bin> = (0..BINS)
        .filter_map(|bin| {
            let within = |told: f64| ((told * BINS as f64) as usize).min(BINS - 1) == bin;
            let some: Vec<&(f64, bool)> = cases.iter().filter(|case| within(case.0)).collect();
            let n = some.len();
            let told = some.iter().map(|case| case.0).sum::<f64>() / n as f64;
            (n > 0).then(|| Bin { n, told, so: share(some.iter().filter(|case| case.1).count(), n) })
        })
        .collect();
    Liking {
        n: cases.len(),
        accuracy: share(right + confusion.disliked_as_disliked, cases.len()),
        precision,
        recall,
        f1,
        confusion,
        ece: bins.iter().map(|bin| bin.n as f64 * (bin.told - bin.so).abs()).sum::<f64>()
            / cases.len().max(1) as f64,
        bins,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn liking_is_counted_as_by_hand() {
        let cases = [(0.9, true), (0.8, true), (0.7, false), (0.3, true), (0.2, false), (0.1, false)];
        let liking = liking(&cases);
        assert_eq!(
            liking.confusion,
            Confusion {
                liked_as_liked: 2,
                liked_as_disliked: 1,
                disliked_as_liked: 1,
                disliked_as_disliked: 2
            }
        );
        for (figure, expected) in [
            (liking.accuracy, 4.0 / 6.0),
            (liking.precision, 2.0 / 3.0),
            (liking.recall, 2.0 / 3.0),
            (liking.f1, 2.0 / 3.0),
            (liking.ece, (0.1 + 0.2 + 0.7 + 0.7 + 0.2 + 0.1) / 6.0),
        ] {
            assert!((figure - expected).abs() < 1e-9, "{liking:?}");
        }
        assert_eq!(super::liking(&[(0.1, false)]).f1, 0.0);
    }

    #[test]
    fn links_find_what_made_the_data() {
        let xs: Vec<f64> = (0..4000).map(|i| f64::from(i % 200) / 50.0 - 2.0).collect();
        let [a, b] = linear(&xs.iter().map(|x| (*x, 3.0 - 0.5 * x)).collect::<Vec<_>>());
        assert!((a - 3.0).abs() < 1e-3 && (b + 0.5).abs() < 1e-3, "{a} {b}");
        // Shares of a logistic curve of 0.4 + 1.5 x, without chance.
        let cases: Vec<(f64, f64)> = xs.iter().map(|x| (*x, sigmoid(0.4 + 1.5 * x))).collect();
        let [a, b] = logistic(&cases);
        assert!((a - 0.4).abs() < 1e-3 && (b - 1.5).abs() < 1e-3, "{a} {b}");
        // What is told apart wholly keeps the link finite.
        let [a, b] = logistic(&[(-1.0, 0.0), (1.0, 1.0)]);
        assert!(a.is_finite() && b.is_finite() && b > 1.0, "{a} {b}");
    }
}
