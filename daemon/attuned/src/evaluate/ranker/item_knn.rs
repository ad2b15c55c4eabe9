//! Neighbours of items: what is chosen by the same people.

use super::{Ranker, Task, tuning};
use crate::evaluate::split::History;

/// Most neighbours of an item that are ever kept.
const NEIGHBOURS_MAX: usize = 400;
/// How many neighbours are tried.
const NEIGHBOURS: [usize; 3] = [20, 100, NEIGHBOURS_MAX];
/// How many people in common count half are tried; 0 is the plain cosine.
const SHRINKS: [f32; 3] = [0.0, 10.0, 50.0];

/// The sum of the cosines to what the person chose, over each item's nearest neighbours.
///
/// Source: Deshpande, Karypis, "Item-based top-N recommendation algorithms", ACM TOIS 22, 2004.
pub struct ItemKnn {
    chosen: Vec<Vec<u32>>,
    /// By item: its neighbours with their likeness, the nearest first.
    neighbours: Vec<Vec<(u32, f32)>>,
    count: usize,
    shrink: f32,
}

impl ItemKnn {
    pub fn fit(task: &Task<'_>) -> ItemKnn {
        let items = task.data.items.len();
        let (mut best, mut chosen) = (f64::NEG_INFINITY, (NEIGHBOURS[1], SHRINKS[0]));
        if let Some(tune) = &task.stages.tune {
            for shrink in SHRINKS {
                let mut knn = ItemKnn::with(&tune.history, items, NEIGHBOURS_MAX, shrink);
                for count in NEIGHBOURS {
                    knn.count = count;
                    let ndcg =
                        tuning::ndcg(tune, items, task.k, task.seed, |user, scores| knn.score(user, scores));
                    if ndcg > best {
                        (best, chosen) = (ndcg, (count, shrink));
                    }
                }
            }
        }
        ItemKnn::with(&task.test().history, items, chosen.0, chosen.1)
    }

    fn with(history: &History, items: usize, count: usize, shrink: f32) -> ItemKnn {
        let choosers = history.choosers(items);
        let mut common = vec![0_u32; items];
        let mut touched: Vec<u32> = Vec::new();
        let mut neighbours = Vec::with_capacity(items);
        for item in 0..items {
            for user in &choosers[item] {
                for other in &history.chosen[*user as usize] {
                    if common[*other as usize] == 0 {
                        touched.push(*other);
                    }
                    common[*other as usize] += 1;
                }
            }
            let own = choosers[item].len() as f32;
            let mut near: Vec<(u32, f32)> = Vec::with_capacity(touched.len());
            for other in touched.drain(..) {
                let both = std::mem::take(&mut common[other as usize]) as f32;
                if other as usize != item {
                    let cosine = both / (own * choosers[other as usize].len() as f32).sqrt();
                    near.push((other, cosine * both / (both + shrink)));
                }
            }
            let nearest = |a: &(u32, f32), b: &(u32, f32)| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0));
            if near.len() > count {
                near.select_nth_unstable_by(count, nearest);
                near.truncate(count);
            }
            near.sort_unstable_by(nearest);
            neighbours.push(near);
        }
        ItemKnn { chosen: history.chosen.clone(), neighbours, count, shrink }
    }
}

impl Ranker for ItemKnn {
    fn score(&self, user: u32, scores: &mut [f32]) {
        scores.fill(0.0);
        for item in &self.chosen[user as usize] {
            for (other, likeness) in self.neighbours[*item as usize].iter().take(self.count) {
                scores[*other as usize] += likeness;
            }
        }
    }

    fn chosen(&self) -> Vec<(&'static str, f64)> {
        vec![("neighbours", self.count as f64), ("shrink", f64::from(self.shrink))]
    }
}
