//! Choosing hyper-parameters by what is held out as valid.

use crate::evaluate::ranking::Places;
use crate::evaluate::split::Stage;
use crate::quality::statistics::Dice;

/// Most people that a choice is made by: more make it slower, hardly better.
const PEOPLE_MAX: usize = 4000;

/// The mean NDCG at `k` on what a stage holds out, of up to [`PEOPLE_MAX`] people.
pub fn ndcg(stage: &Stage, items: usize, k: usize, seed: u64, score: impl Fn(u32, &mut [f32]) + Sync) -> f64 {
    let asked = stage.asked();
    let people: Vec<u32> =
        Dice(seed).sample(asked.len(), PEOPLE_MAX).into_iter().map(|place| asked[place]).collect();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let share = people.len().div_ceil(threads).max(1);
    let sum: f64 = std::thread::scope(|scope| {
        let workers: Vec<_> = people
            .chunks(share)
            .map(|people| {
                let score = &score;
                scope.spawn(move || {
                    let mut scores = vec![0.0; items];
                    let mut sum = 0.0;
                    for user in people {
                        score(*user, &mut scores);
                        stage.mask(*user, &mut scores);
                        sum += Places::of(&scores, &stage.held[*user as usize]).map_or(0.0, |p| p.ndcg(k));
                    }
                    sum
                })
            })
            .collect();
        workers.into_iter().map(|worker| worker.join().expect("scoring does not panic")).sum()
    });
    sum / people.len().max(1) as f64
}
