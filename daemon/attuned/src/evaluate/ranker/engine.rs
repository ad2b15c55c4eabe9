//! The daemon's own engine, through the calls that the daemon makes: items and events in, the
//! shortlist and the final list out.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use attuned_recommender::item::ModelEmbedding;
use attuned_recommender::{
    Content, Context, Embedding, Event, EventType, Filter, Input, Item, ItemId, Recommender, Request,
    Settings, Source, Timestamp, UserId,
};

use super::{Ranker, Task};
use crate::evaluate::data::{Clock, Data, Interaction, Wrong};

/// The model name of vectors that came with the data, as of those that devices bring.
const OWN_MODEL: &str = "device";

/// Milliseconds between two places where only the order is known.
const ORDER_STEP_MS: i64 = 60_000;

/// When events happened of which only the order is known, or nothing: no day in particular.
const UNKNOWN_TIME_MS: i64 = 1_700_000_000_000;

/// Most items of a final list that are asked for; what stands further down has the shortlist's order.
const LIST_MAX: usize = 100;

/// The engine after it took the items and the history.
pub struct Engine {
    recommender: Recommender,
    users: Vec<UserId>,
    items: Vec<ItemId>,
    numbers: HashMap<ItemId, u32>,
    known: Vec<Vec<u32>>,
    candidates_max: usize,
    n: usize,
    now: Timestamp,
    seed: u64,
}

impl Engine {
    pub fn fit(task: &Task<'_>) -> Result<Engine, Wrong> {
        let data = task.data;
        // Ids of data sets may be anything, and their order may tell what is to be found.
        let named = |kind: char, name: &String| format!("{kind}{:016x}", scatter(name));
        let users = ids(data.users.all().iter().map(|name| UserId::parse(&named('u', name))))?;
        let items = ids(data.items.all().iter().map(|name| ItemId::parse(&named('i', name))))?;
        let settings = Settings {
            users_max: users.len().max(task.settings.users_max),
            items_max: items.len().max(task.settings.items_max),
            ..task.settings.clone()
        };
        let candidates_max = settings.candidates_max;
        let mut recommender = Recommender::new(settings);
        let history = &task.test().history;
        let first =
            history.rows.first().map_or(UNKNOWN_TIME_MS, |row| time(data, &data.interactions[*row as usize]));
        for (number, id) in items.iter().enumerate() {
            let input = Input::PutItem { item: described(data, number, id), content: content(data, number) };
            recommender.apply(input, Timestamp::from_unix_ms(first));
        }
        let mut now = first;
        for row in &history.rows {
            let interaction = &data.interactions[*row as usize];
            now = now.max(time(data, interaction));
            let event = Event {
                user: users[interaction.user as usize].clone(),
                item: items[interaction.item as usize].clone(),
                event_type: interaction.event_type.unwrap_or(EventType::Play),
                value: interaction.value,
                at: Timestamp::from_unix_ms(now),
                context: Context::new(),
                comment: None,
            };
            recommender.apply(Input::Event(event), Timestamp::from_unix_ms(now));
        }
        let numbers = items.iter().enumerate().map(|(number, item)| (item.clone(), number as u32)).collect();
        Ok(Engine {
            recommender,
            users,
            items,
            numbers,
            known: history.known.clone(),
            candidates_max,
            n: task.k.max(LIST_MAX),
            now: Timestamp::from_unix_ms(now + 1),
            seed: task.seed,
        })
    }

    /// Scores items by their order; those that are named again keep their first place, and those
    /// that are not named are not shown.
    fn place<'a>(&'a self, order: impl Iterator<Item = &'a ItemId>, scores: &mut [f32]) {
        scores.fill(f32::NEG_INFINITY);
        let mut place = 0.0;
        for number in order.filter_map(|item| self.numbers.get(item)) {
            if scores[*number as usize] == f32::NEG_INFINITY {
                place -= 1.0;
                scores[*number as usize] = place;
            }
        }
    }

    fn request(&self, user: u32) -> Request {
        Request {
            users: vec![self.users[user as usize].clone()],
            n: self.n,
            kinds: Vec::new(),
            context: Context::new(),
            query: None,
            exclude: self.known[user as usize]
                .iter()
                .map(|item| self.items[*item as usize].clone())
                .collect(),
            filter: Filter::default(),
            diversity: None,
            explore: false,
            seen: false,
            seed: self.seed,
        }
    }
}

/// The engine as the daemon asks it: the shortlist, then the final list, and below it what is left
/// of the shortlist.
pub struct Whole(pub Arc<Engine>);

impl Ranker for Whole {
    fn score(&self, user: u32, scores: &mut [f32]) {
        let Engine { recommender, now, .. } = &*self.0;
        let request = self.0.request(user);
        let shortlist = recommender.shortlist(&request, *now);
        let rest: Vec<ItemId> = shortlist.batch().items.iter().map(|item| item.id.clone()).collect();
        let list = recommender.rank(shortlist, &[], &request, *now);
        self.0.place(list.iter().map(|ranked| &ranked.item).chain(&rest), scores);
    }
}

/// One source of the engine's candidates alone, in the source's own order.
pub struct Alone(pub Arc<Engine>, pub Source);

impl Ranker for Alone {
    fn score(&self, user: u32, scores: &mut [f32]) {
        let Engine { recommender, now, .. } = &*self.0;
        let count = self.0.candidates_max.max(self.0.n);
        let candidates = recommender.candidates(self.1, &self.0.request(user), count, *now);
        self.0.place(candidates.iter().map(|(item, _)| item), scores);
    }
}

fn ids<T>(ids: impl Iterator<Item = Result<T, attuned_recommender::IdError>>) -> Result<Vec<T>, Wrong> {
    ids.collect::<Result<Vec<T>, _>>().map_err(|error| Wrong(error.to_string()))
}

/// FNV-1a, 64 bits. Source: Fowler, Noll, Vo, <http://www.isthe.com/chongo/tech/comp/fnv/>.
pub fn scatter(name: &str) -> u64 {
    let hash = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    name.bytes().fold(0xcbf2_9ce4_8422_2325, hash)
}

fn time(data: &Data, interaction: &Interaction) -> i64 {
    match (data.clock, interaction.at) {
        (Clock::Time, Some(at)) => at,
        (Clock::Order, Some(at)) => UNKNOWN_TIME_MS + at.saturating_mul(ORDER_STEP_MS),
        (Clock::None, _) | (_, None) => UNKNOWN_TIME_MS,
    }
}

fn described(data: &Data, number: usize, id: &ItemId) -> Item {
    match data.described.get(number).and_then(Option::as_ref) {
        Some(described) => Item { id: id.clone(), ..described.item.clone() },
        None => Item {
            id: id.clone(),
            kind: "item".to_owned(),
            title: None,
            text: None,
            tags: Vec::new(),
            attributes: BTreeMap::new(),
            published_at: None,
            expires_at: None,
            provider: None,
        },
    }
}

fn content(data: &Data, item: usize) -> Content {
    let mut content = Content::default();
    for features in &data.features {
        let row = features.rows.get(item).and_then(Option::as_ref);
        if let Some(Ok(embedding)) = row.map(|row| Embedding::from_values(row.to_vec())) {
            let embedding = ModelEmbedding { model: OWN_MODEL.to_owned(), embedding };
            content.embeddings.insert(features.modality, embedding);
        }
    }
    content
}
