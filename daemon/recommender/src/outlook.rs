//! How a person looks at the catalogue at one moment: the liked and disliked items that others are
//! compared with, and the interests they form.

use crate::catalogue::Catalogue;
use crate::event::EventType;
use crate::id::ItemId;
use crate::modality::Modality;
use crate::settings::Settings;
use crate::state::{Fading, Taste};
use crate::time::Timestamp;
use crate::vector::{dot, keep_best, ramp, saturate};

/// One thing that was liked or disliked and has content to compare with.
#[derive(Debug, Clone)]
pub(crate) struct Exemplar {
    pub item: ItemId,
    content: ExemplarContent,
    /// How much it counts now, at least 0; an event of the usual strength counts 1.
    pub strength: f32,
    turn: u64,
    /// What was done; absent for what a comment was about.
    pub by: Option<EventType>,
}

#[derive(Debug, Clone)]
enum ExemplarContent {
    Slot(u32),
    /// What a comment was about, shape `[SEMANTIC_DIM]`.
    Words(Vec<f32>),
}

/// A group of liked items around the one that stands for them.
#[derive(Debug, Clone)]
pub(crate) struct Interest {
    /// The item nearest to the others.
    pub medoid: u32,
    /// The sum of the items' strengths.
    pub strength: f32,
}

/// How near an item is to liked or disliked ones.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Likeness {
    /// In `[0, 1]`.
    pub value: f32,
    /// The exemplar that contributes most.
    pub exemplar: usize,
    /// Its cosine.
    cosine: f32,
}

/// What a person likes and dislikes now.
#[derive(Debug, Default)]
pub(crate) struct Outlook {
    pub liked: Vec<Exemplar>,
    pub disliked: Vec<Exemplar>,
}

impl Outlook {
    pub(crate) fn of(taste: &Taste, catalogue: &Catalogue, settings: &Settings, now: Timestamp) -> Outlook {
        let now = now.unix_ms();
        let mut liked = exemplars(
            taste,
            catalogue,
            settings.liked_exemplars_max,
            |tally| (tally.leaning.liked, settings.liking_half_life_days, tally.liked_turn, tally.liked_by),
            |liked| {
                1.0 + settings.mood_share
                    * Fading { value: 1.0, at: liked.at }.left(now, settings.mood_half_life_days)
            },
            now,
        );
        let mut disliked = exemplars(
            taste,
            catalogue,
            settings.disliked_exemplars_max,
            |tally| {
                let leaning = tally.leaning.disliked;
                (leaning, settings.disliking_half_life_days, tally.disliked_turn, tally.disliked_by)
            },
            |_| 1.0,
            now,
        );
        for remark in &taste.remarks {
            let half_life = if remark.strength < 0.0 {
                settings.disliking_half_life_days
            } else {
                settings.liking_half_life_days
            };
            let strength = Fading { value: remark.strength, at: remark.at }.left(now, half_life);
            let exemplar = Exemplar {
                item: remark.item.clone(),
                content: ExemplarContent::Words(remark.semantic.clone()),
                strength: strength.abs(),
                turn: remark.turn,
                by: None,
            };
            if strength > 0.0 {
                liked.push(exemplar);
            } else if strength < 0.0 {
                disliked.push(exemplar);
            }
        }
        let cosines = Cosines::among(&liked, catalogue);
        relieve(&mut liked, &mut disliked, &cosines, catalogue, settings);
        doubt(&mut liked, &cosines, settings);
        Outlook { liked, disliked }
    }

    /// How near an item is to what was liked: mostly the nearest, partly all together.
    pub(crate) fn liked(&self, slot: u32, catalogue: &Catalogue, settings: &Settings) -> Option<Likeness> {
        let (best, sum) =
            compare(&self.liked, slot, catalogue, |cosine| ramp(cosine, settings.liked_cosines))?;
        Some(Likeness { value: 0.85 * best.value.min(1.0) + 0.15 * saturate(0.5 * sum), ..best })
    }

    /// How near an item is to what was disliked, all evidence together. What is nearer to a liked item
    /// than to the disliked one is shielded from it, the more so the more it is `liked`: a skipped subject
    /// must not drag down its liked neighbours.
    pub(crate) fn avoided(
        &self,
        slot: u32,
        liked: Option<Likeness>,
        catalogue: &Catalogue,
        settings: &Settings,
    ) -> Option<Likeness> {
        let (floor, _) = settings.disliked_cosines;
        let (liked, liked_cosine) = liked.map_or((0.0, 0.0), |liked| (liked.value, liked.cosine));
        let (best, sum) = compare(&self.disliked, slot, catalogue, |cosine| {
            let related = ramp(cosine, settings.disliked_cosines).min(settings.disliked_share_max);
            let nearness = ramp(cosine, (floor, liked_cosine));
            related * (1.0 - liked * (1.0 - nearness * nearness))
        })?;
        Some(Likeness { value: saturate(sum), ..best })
    }

    /// How near an item is to the strongest liked ones in one modality's own space.
    pub(crate) fn medium(
        &self,
        modality: Modality,
        slot: u32,
        catalogue: &Catalogue,
        settings: &Settings,
    ) -> Option<Likeness> {
        catalogue.entry(slot)?.content.embeddings.get(&modality)?;
        let mut best: Option<Likeness> = None;
        let mut compared = 0;
        for (exemplar, liked) in self.liked.iter().enumerate() {
            if compared == settings.medium_exemplars_max {
                break;
            }
            let ExemplarContent::Slot(liked_slot) = liked.content else { continue };
            // That an item is like itself says nothing of its medium.
            if liked_slot == slot {
                continue;
            }
            let Some(cosine) = catalogue.own_cosine(modality, liked_slot, slot) else { continue };
            compared += 1;
            let value = ramp(cosine, settings.medium_cosines) * liked.strength.min(1.0);
            if value > best.map_or(0.0, |best| best.value) {
                best = Some(Likeness { value, exemplar, cosine });
            }
        }
        best
    }

    /// The interests, strongest first, at most `interests_max`. Greedy: the strongest item founds an
    /// interest, each further one joins the nearest that is near enough or founds its own; then the
    /// item nearest to all the others stands for it.
    pub(crate) fn interests(&self, catalogue: &Catalogue, settings: &Settings) -> Vec<Interest> {
        let members: Vec<(u32, f32, &ItemId)> = self
            .liked
            .iter()
            .filter_map(|liked| match liked.content {
                ExemplarContent::Slot(slot) => Some((slot, liked.strength, &liked.item)),
                ExemplarContent::Words(_) => None,
            })
            .filter(|(_, strength, _)| *strength > STRENGTH_MIN)
            .collect();
        let mut groups: Vec<Vec<usize>> = Vec::new();
        for (i, (slot, ..)) in members.iter().enumerate() {
            let nearest = groups
                .iter()
                .enumerate()
                .map(|(g, group)| (g, catalogue.cosine(members[group[0]].0, *slot).unwrap_or(0.0)))
                .max_by(|a, b| a.1.total_cmp(&b.1).then(b.0.cmp(&a.0)));
            match nearest {
                Some((g, cosine)) if cosine >= settings.interest_cosine => groups[g].push(i),
                _ => groups.push(vec![i]),
            }
        }
        let mut interests: Vec<(Interest, &ItemId)> = groups
            .iter()
            .filter_map(|group| {
                let centrality = |i: &usize| -> f32 {
                    group
                        .iter()
                        .map(|j| {
                            catalogue.cosine(members[*i].0, members[*j].0).unwrap_or(0.0) * members[*j].1
                        })
                        .sum()
                };
                let medoid = group
                    .iter()
                    .map(|i| (i, centrality(i)))
                    .max_by(|a, b| a.1.total_cmp(&b.1).then_with(|| members[*b.0].2.cmp(members[*a.0].2)))?;
                let strength = group.iter().map(|i| members[*i].1).sum();
                Some((Interest { medoid: members[*medoid.0].0, strength }, members[*medoid.0].2))
            })
            .collect();
        keep_best(&mut interests, settings.interests_max, |i| i.0.strength, |a, b| a.1.cmp(b.1));
        interests.into_iter().map(|(interest, _)| interest).collect()
    }

    /// The slots of the items liked last, latest first, with their strengths.
    pub(crate) fn latest_liked(&self, count: usize) -> Vec<(u32, f32)> {
        let mut latest: Vec<(u64, u32, f32)> = self
            .liked
            .iter()
            .filter_map(|liked| match liked.content {
                ExemplarContent::Slot(slot) => Some((liked.turn, slot, liked.strength)),
                ExemplarContent::Words(_) => None,
            })
            .collect();
        latest.sort_unstable_by_key(|(turn, ..)| std::cmp::Reverse(*turn));
        latest.into_iter().take(count).map(|(_, slot, strength)| (slot, strength)).collect()
    }
}

/// What counts less than this is forgotten.
const STRENGTH_MIN: f32 = 0.01;

fn exemplars(
    taste: &Taste,
    catalogue: &Catalogue,
    max: usize,
    side: impl Fn(&crate::state::Tally) -> (Fading, f64, u64, Option<EventType>),
    mood: impl Fn(Fading) -> f32,
    now: i64,
) -> Vec<Exemplar> {
    let mut found: Vec<(&ItemId, f32, u64, Option<EventType>)> = taste
        .items
        .iter()
        .filter_map(|(item, tally)| {
            let (sum, half_life, turn, by) = side(tally);
            let strength = mood(sum) * sum.left(now, half_life);
            (strength >= STRENGTH_MIN).then_some((item, strength, turn, by))
        })
        .collect();
    // Items that have left the catalogue cannot be compared with; twice as many leave room for them.
    keep_best(&mut found, max * 2, |f| f.1, |a, b| b.2.cmp(&a.2).then_with(|| a.0.cmp(b.0)));
    found
        .into_iter()
        .filter_map(|(item, strength, turn, by)| {
            let content = ExemplarContent::Slot(catalogue.slot(item)?);
            Some(Exemplar { item: item.clone(), content, strength, turn, by })
        })
        .take(max)
        .collect()
}

/// A later dislike takes from earlier likes of what is related, and a later like from earlier
/// dislikes: the newest word counts most. Where a like has others nearer to it, what is disliked beside
/// them concerns it less.
fn relieve(
    liked: &mut [Exemplar],
    disliked: &mut [Exemplar],
    cosines: &Cosines,
    catalogue: &Catalogue,
    settings: &Settings,
) {
    let (floor, full) = settings.disliked_cosines;
    let mut left_of_liked = vec![1.0_f32; liked.len()];
    let mut left_of_disliked = vec![1.0_f32; disliked.len()];
    for (i, like) in liked.iter().enumerate() {
        let nearest = cosines.of(i).iter().copied().fold(full, f32::max);
        for (j, dislike) in disliked.iter().enumerate() {
            let Some(cosine) = cosine(like, dislike, catalogue) else { continue };
            let related = settings.relief * ramp(cosine, (floor, nearest)).powi(2);
            if dislike.turn > like.turn {
                left_of_liked[i] *= 1.0 - related * dislike.strength.min(1.0);
            } else {
                left_of_disliked[j] *= 1.0 - related * like.strength.min(1.0);
            }
        }
    }
    for (exemplar, left) in liked.iter_mut().zip(left_of_liked) {
        exemplar.strength *= left;
    }
    for (exemplar, left) in disliked.iter_mut().zip(left_of_disliked) {
        exemplar.strength *= left;
    }
}

/// The cosines of likes with each other; 0 where there is none, and of two likes of one item.
struct Cosines {
    count: usize,
    values: Vec<f32>,
}

impl Cosines {
    fn among(liked: &[Exemplar], catalogue: &Catalogue) -> Cosines {
        let count = liked.len();
        let mut values = vec![0.0; count * count];
        for (i, a) in liked.iter().enumerate() {
            for (j, b) in liked.iter().enumerate().skip(i + 1).filter(|(_, b)| b.item != a.item) {
                let cosine = cosine(a, b, catalogue).unwrap_or(0.0);
                (values[i * count + j], values[j * count + i]) = (cosine, cosine);
            }
        }
        Cosines { count, values }
    }

    /// Those of one like with all.
    fn of(&self, like: usize) -> &[f32] {
        &self.values[like * self.count..][..self.count]
    }
}

/// How much of a wholly odd like is doubted in one whose taste is established, in `[0, 1]`.
const DOUBT: f32 = 0.8;

/// A like is odd from this share of the usual nearness to the next like on; one far from it is wholly odd.
const ODD_BELOW: f32 = 0.5;

/// Likes of the usual strength at which a taste is half established.
const ESTABLISHED_HALF: f32 = 4.0;

/// What stands alone among likes that otherwise belong together counts less, until something like it is
/// liked too: one odd play is no taste. To one who likes nothing that is like anything else, nothing is
/// odd.
fn doubt(liked: &mut [Exemplar], cosines: &Cosines, settings: &Settings) {
    let strengths: Vec<f32> = liked.iter().map(|exemplar| exemplar.strength.min(1.0)).collect();
    let nearness = |like: usize| {
        let related = cosines.of(like).iter().map(|cosine| ramp(*cosine, settings.liked_cosines));
        related.zip(&strengths).map(|(related, strength)| related * strength).fold(0.0, f32::max)
    };
    let nearness: Vec<f32> = (0..liked.len()).map(nearness).collect();
    let all: f32 = strengths.iter().sum();
    let together: f32 = nearness.iter().zip(&strengths).map(|(near, strength)| near * strength).sum();
    for ((exemplar, near), own) in liked.iter_mut().zip(nearness).zip(&strengths) {
        let others = all - own;
        // The less the others belong together, the less odd is what does not.
        let usual = (together - near * own) / others.max(STRENGTH_MIN);
        let odd = (usual - near / ODD_BELOW).max(0.0);
        exemplar.strength *= 1.0 - DOUBT * odd * others / (others + ESTABLISHED_HALF);
    }
}

fn cosine(a: &Exemplar, b: &Exemplar, catalogue: &Catalogue) -> Option<f32> {
    match (&a.content, &b.content) {
        (ExemplarContent::Slot(a), ExemplarContent::Slot(b)) => catalogue.cosine(*a, *b),
        (ExemplarContent::Words(words), ExemplarContent::Slot(slot))
        | (ExemplarContent::Slot(slot), ExemplarContent::Words(words)) => catalogue.cosine_with(words, *slot),
        (ExemplarContent::Words(a), ExemplarContent::Words(b)) => Some(dot(a, b)),
    }
}

/// The strongest likeness to one of the exemplars, and the sum over all; `None` if there is none.
fn compare(
    exemplars: &[Exemplar],
    slot: u32,
    catalogue: &Catalogue,
    share: impl Fn(f32) -> f32,
) -> Option<(Likeness, f32)> {
    let mut best: Option<Likeness> = None;
    let mut sum = 0.0;
    let mut cosines = [None; 4];
    for (index, exemplar) in exemplars.iter().enumerate() {
        if index % 4 == 0 {
            cosines = next_cosines(&exemplars[index..], slot, catalogue);
        }
        let Some(cosine) = cosines[index % 4] else { continue };
        let share = share(cosine);
        sum += share * exemplar.strength;
        // However much it was liked, what is half like it is only half like it.
        let value = share * exemplar.strength.min(1.0);
        if value > best.map_or(0.0, |best| best.value) {
            best = Some(Likeness { value, exemplar: index, cosine });
        }
    }
    best.map(|best| (best, sum))
}

/// The cosines of the next four exemplars; of fewer, `None` in the places that are left.
fn next_cosines(exemplars: &[Exemplar], slot: u32, catalogue: &Catalogue) -> [Option<f32>; 4] {
    if let [a, b, c, d, ..] = exemplars
        && let [
            ExemplarContent::Slot(a),
            ExemplarContent::Slot(b),
            ExemplarContent::Slot(c),
            ExemplarContent::Slot(d),
        ] = [a, b, c, d].map(|exemplar| &exemplar.content)
    {
        return catalogue.four_cosines(slot, [*a, *b, *c, *d]);
    }
    let cosine = |exemplar: &Exemplar| match &exemplar.content {
        ExemplarContent::Slot(other) => catalogue.cosine(*other, slot),
        ExemplarContent::Words(words) => catalogue.cosine_with(words, slot),
    };
    std::array::from_fn(|place| exemplars.get(place).and_then(cosine))
}
