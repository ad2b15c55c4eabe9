//! What each part of the content is worth to the engine.

use attuned_recommender::Modality;

use super::data::Wrong;
use super::measuring::rank;
use super::ranker::{Kind, Task};
use super::report::Ablation;
use super::run::Progress;
use super::{bootstrap, ranking};
use crate::quality::statistics::Dice;

/// Most people that are asked for an ablation; the same ones for each row.
const ABLATION_PEOPLE_MAX: usize = 2000;

/// Measures the engine with all content, without each part of it, and without any.
pub fn ablate(task: &Task<'_>, watch: &(dyn Fn(Progress<'_>) + Sync)) -> Result<Vec<Ablation>, Wrong> {
    let data = task.data;
    let asked = task.test().asked();
    let mut people: Vec<u32> = Dice(task.seed)
        .sample(asked.len(), ABLATION_PEOPLE_MAX)
        .into_iter()
        .map(|place| asked[place])
        .collect();
    people.sort_unstable();
    let described = data.described.iter().any(Option::is_some);
    let has = |modality: &Modality| {
        data.features.iter().any(|features| features.modality == *modality)
            || data.content.iter().any(|content| content.embeddings.contains_key(modality))
    };
    let mut parts: Vec<&'static str> = Modality::ALL.iter().filter(|m| has(m)).map(|m| m.name()).collect();
    if described {
        parts.push("descriptions");
    }
    let mut cases: Vec<(String, Vec<&'static str>)> = vec![("everything".to_owned(), Vec::new())];
    cases.extend(parts.iter().map(|part| (format!("without {part}"), vec![*part])));
    if parts.len() > 1 {
        cases.push(("no content".to_owned(), parts.clone()));
    }
    if parts.is_empty() {
        return Ok(Vec::new());
    }
    let mut rows = Vec::new();
    for (name, without) in cases {
        watch(Progress::Fitting(&name));
        let mut less = data.clone();
        less.features.retain(|features| !without.contains(&features.modality.name()));
        for modality in Modality::ALL.into_iter().filter(|modality| without.contains(&modality.name())) {
            for content in &mut less.content {
                content.embeddings.remove(&modality);
                content.labels.remove(&modality);
                if content.semantic.remove(&modality).is_some() {
                    // The mean of what is left stands for the item.
                    content.fused = None;
                }
            }
        }
        if without.contains(&"descriptions") {
            less.described.clear();
        }
        let task = Task::new(&less, task.stages, task.k, task.seed, task.settings);
        let ranker = Kind::Attuned.fit(&task)?;
        let ranked =
            rank(ranker.as_ref(), &task, &people, &|done, of| watch(Progress::Ranking(&name, done, of)));
        let figures = ranked.figures();
        let intervals = bootstrap::intervals(&figures, task.seed);
        let mean =
            |place: usize| figures.iter().map(|person| person[place]).sum::<f64>() / figures.len() as f64;
        rows.push(Ablation {
            name,
            n: figures.len(),
            recall: mean(ranking::RECALL),
            ndcg: mean(ranking::NDCG),
            interval: [("recall", intervals[ranking::RECALL]), ("ndcg", intervals[ranking::NDCG])].into(),
        });
    }
    Ok(rows)
}
