//! The daemon's own engine, through the calls that the daemon makes: items and events in, the
//! shortlist and the final list out.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use attuned_recommender::item::ModelEmbedding;
use attuned_recommender::{
    Content, Context, Embedding, Event, EventType, Filter, Input, Item, ItemId, Recommender, Request,
    Settings, Source, Timestamp, Tuning, UserId,
};

use super::{Online, Ranker, Task, Told};
use crate::evaluate::data::{Clock, Data, Interaction, Wrong};
use crate::evaluate::split::Stage;
use crate::quality::statistics::Dice;

/// The model name of vectors that came with the data, as of those that devices bring.
const OWN_MODEL: &str = "device";

/// Milliseconds between two places where only the order is known.
const ORDER_STEP_MS: i64 = 60_000;

/// When events happened of which only the order is known, or nothing: no day in particular.
const UNKNOWN_TIME_MS: i64 = 1_700_000_000_000;

/// The engine after it took the items and the history.
pub struct Engine {
    recommender: Recommender,
    users: Vec<UserId>,
    items: Vec<ItemId>,
    numbers: HashMap<ItemId, u32>,
    known: Vec<Vec<u32>>,
    /// What nobody is asked about.
    withheld: Vec<ItemId>,
    settings: Settings,
    n: usize,
    /// When the items came.
    first: Timestamp,
    /// When the latest event was.
    last: Timestamp,
    /// Just after it: when lists are made.
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
        let learnt =
            |stage: &Stage| Engine::learnt(task, users.clone(), items.clone(), settings.clone(), stage);
        let Some(tune) = &task.stages.tune else { return Ok(learnt(task.test())) };
        let engine = learnt(tune);
        let tuning = engine.tuned(tune);
        let mut engine = if task.stages.same_history {
            engine
        } else if data.clock == Clock::None {
            // Where there is no order, what was held out may as well come last.
            engine.grown(task)
        } else {
            learnt(task.test())
        };
        engine.recommender.set_tuning(tuning);
        Ok(engine)
    }

    /// The engine after a history, as it comes without any tuning.
    fn learnt(
        task: &Task<'_>,
        users: Vec<UserId>,
        items: Vec<ItemId>,
        settings: Settings,
        stage: &Stage,
    ) -> Engine {
        let (data, history) = (task.data, &stage.history);
        let first =
            history.rows.first().map_or(UNKNOWN_TIME_MS, |row| time(data, &data.interactions[*row as usize]));
        let first = Timestamp::from_unix_ms(first);
        let recommender = stocked(data, &items, settings.clone(), first);
        let numbers = items.iter().enumerate().map(|(number, item)| (item.clone(), number as u32)).collect();
        let withheld = stage.withheld().map(|item| items[item as usize].clone()).collect();
        let mut engine = Engine {
            recommender,
            users,
            items,
            numbers,
            known: history.known.clone(),
            withheld,
            settings,
            n: task.k,
            first,
            last: first,
            now: first,
            seed: task.seed,
        };
        let rows = match data.clock {
            // The order of the file may tell what is to be found.
            Clock::None => in_any_order(&history.rows, task.seed),
            Clock::Order | Clock::Time => history.rows.clone(),
        };
        for row in rows {
            engine.take(data, &data.interactions[row as usize]);
        }
        engine
    }

    /// The engine that learnt what was held out to tune by, after what it knew.
    fn grown(mut self, task: &Task<'_>) -> Engine {
        let Some(tune) = &task.stages.tune else { return self };
        for row in in_any_order(&tune.held_rows, task.seed) {
            self.take(task.data, &task.data.interactions[row as usize]);
        }
        self.known.clone_from(&task.test().history.known);
        self.withheld = task.test().withheld().map(|item| self.items[item as usize].clone()).collect();
        self
    }

    /// What fits best to what is held out.
    fn tuned(&self, tune: &Stage) -> Tuning {
        let ids = |items: &Vec<u32>| items.iter().map(|item| self.items[*item as usize].clone()).collect();
        let held = self.users.iter().zip(&tune.held).filter(|(_, held)| !held.is_empty());
        let held: Vec<(UserId, Vec<ItemId>)> = held.map(|(user, held)| (user.clone(), ids(held))).collect();
        self.recommender.tune(&held, &self.withheld, self.now)
    }

    fn chosen(&self) -> Vec<(&'static str, f64)> {
        let chosen = self.recommender.tuning().named();
        chosen.into_iter().map(|(name, value)| (name, f64::from(value))).collect()
    }

    /// The shortlist, the final list of it, and below that what is left of the shortlist.
    fn rank(&self, user: u32, scores: &mut [f32]) {
        let request = self.request(user);
        let shortlist = self.recommender.shortlist(&request, self.now);
        let rest: Vec<ItemId> = shortlist.batch().items.iter().map(|item| item.id.clone()).collect();
        let list = self.recommender.rank(shortlist, &[], &request, self.now);
        self.place(list.iter().map(|ranked| &ranked.item).chain(&rest), scores);
    }

    /// What the engine expects of items; where nobody judged any, by the scores.
    fn told(&self, user: u32, items: &[u32]) -> Vec<Told> {
        let ids: Vec<ItemId> = items.iter().map(|item| self.items[*item as usize].clone()).collect();
        let expected = self.recommender.expect(&self.request(user).users, &ids);
        let liking: Option<Vec<f32>> =
            expected.iter().map(|expected| expected.like.map(|like| (like / (1.0 - like)).ln())).collect();
        let liking = liking.unwrap_or_else(|| self.said(user, items));
        let told = expected.iter().zip(liking);
        told.map(|(expected, liking)| Told { liking, stars: expected.stars }).collect()
    }

    /// The log-odds that the engine gives items when it is asked for these alone.
    fn said(&self, user: u32, items: &[u32]) -> Vec<f32> {
        let mut said = Vec::with_capacity(items.len());
        for items in items.chunks(self.settings.candidates_max.max(1)) {
            let exclude = (0..).zip(&self.items).filter(|(number, _)| !items.contains(number));
            let exclude = exclude.map(|(_, item)| item.clone()).collect();
            let request = Request { exclude, seen: true, ..self.request(user) };
            let batch = self.recommender.shortlist(&request, self.now).batch();
            let by_item: HashMap<&ItemId, f32> =
                batch.items.iter().map(|item| &item.id).zip(batch.scores).collect();
            let of = |item: &u32| by_item.get(&self.items[*item as usize]).copied();
            // Of what it would never show it says as much as of what it does not know.
            said.extend(items.iter().map(|item| of(item).unwrap_or(self.settings.bias)));
        }
        said
    }

    /// Takes an event in.
    fn take(&mut self, data: &Data, interaction: &Interaction) {
        let at = Timestamp::from_unix_ms(time(data, interaction)).max(self.last);
        self.recommender.apply(Input::Event(self.event(interaction, at)), at);
        self.last = at;
        self.now = Timestamp::from_unix_ms(at.unix_ms() + 1);
    }

    fn event(&self, interaction: &Interaction, at: Timestamp) -> Event {
        Event {
            user: self.users[interaction.user as usize].clone(),
            item: self.items[interaction.item as usize].clone(),
            event_type: interaction.event_type.unwrap_or(EventType::Play),
            value: interaction.value,
            at,
            context: Context::new(),
            comment: None,
        }
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
                .chain(self.withheld.iter().cloned())
                .collect(),
            filter: Filter::default(),
            diversity: None,
            calibration: None,
            explore: false,
            seen: false,
            language: None,
            seed: self.seed,
        }
    }
}

/// The engine as the daemon asks it: the shortlist, then the final list, and below it what is left
/// of the shortlist.
pub struct Whole(pub Arc<Engine>);

impl Ranker for Whole {
    fn score(&self, user: u32, scores: &mut [f32]) {
        self.0.rank(user, scores);
    }

    fn told(&self, user: u32, items: &[u32]) -> Option<Vec<Told>> {
        Some(self.0.told(user, items))
    }

    fn chosen(&self) -> Vec<(&'static str, f64)> {
        self.0.chosen()
    }
}

impl Online for Engine {
    fn score(&self, user: u32, scores: &mut [f32]) {
        self.rank(user, scores);
    }

    fn told(&self, user: u32, items: &[u32]) -> Option<Vec<Told>> {
        Some(self.told(user, items))
    }

    fn learn(&mut self, data: &Data, interaction: &Interaction) {
        self.take(data, interaction);
        let known = &mut self.known[interaction.user as usize];
        if let Err(place) = known.binary_search(&interaction.item) {
            known.insert(place, interaction.item);
        }
    }

    fn tune(&mut self, data: &Data, past: &[u32]) {
        let events = past.iter().map(|row| {
            let interaction = &data.interactions[*row as usize];
            self.event(interaction, Timestamp::from_unix_ms(time(data, interaction)))
        });
        let fresh = stocked(data, &self.items, self.settings.clone(), self.first);
        if let Some(found) = fresh.tune_on_past(events.collect(), self.now) {
            self.recommender.set_tuning(found.tuning);
        }
    }

    fn chosen(&self) -> Vec<(&'static str, f64)> {
        self.chosen()
    }
}

/// One source of the engine's candidates alone, in the source's own order.
pub struct Alone(pub Arc<Engine>, pub Source);

impl Ranker for Alone {
    fn score(&self, user: u32, scores: &mut [f32]) {
        let Engine { recommender, now, .. } = &*self.0;
        let count = self.0.settings.candidates_max.max(self.0.n);
        let candidates = recommender.candidates(self.1, &self.0.request(user), count, *now);
        self.0.place(candidates.iter().map(|(item, _)| item), scores);
    }

    fn scores_all(&self) -> bool {
        false
    }
}

/// An engine that knows the items and nobody.
fn stocked(data: &Data, items: &[ItemId], settings: Settings, at: Timestamp) -> Recommender {
    let mut recommender = Recommender::new(settings);
    for (number, id) in items.iter().enumerate() {
        let input = Input::PutItem { item: described(data, number, id), content: content(data, number) };
        recommender.apply(input, at);
    }
    recommender
}

fn in_any_order(rows: &[u32], seed: u64) -> Vec<u32> {
    Dice(seed).sample(rows.len(), rows.len()).into_iter().map(|place| rows[place]).collect()
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
    let mut content = data.content.get(item).cloned().unwrap_or_default();
    // Vectors that came with the data stand in place of those of a model, as those of a device do.
    for features in &data.features {
        let row = features.rows.get(item).and_then(Option::as_ref);
        if let Some(Ok(embedding)) = row.map(|row| Embedding::from_values(row.to_vec())) {
            let embedding = ModelEmbedding { model: OWN_MODEL.to_owned(), embedding };
            content.embeddings.insert(features.modality, embedding);
        }
    }
    content
}
