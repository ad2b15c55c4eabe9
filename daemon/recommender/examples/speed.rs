//! Measures how long a list, an event and a search take, for 1,000 and 10,000 items: p50 and p99 in
//! microseconds of time passed, so on a busy machine only p50 says something.
//! `cargo run --release -p attuned-recommender --example speed [ITEMS…]`
#![expect(clippy::print_stdout, reason = "an example prints what it measured")]

use std::time::Instant;

use attuned_recommender::{
    Content, Context, Embedding, Event, EventType, Filter, IdError, Input, Item, ItemId, Modality, Query,
    Recommender, Request, SEMANTIC_DIM, Settings, Timestamp, UserId, item::ModelEmbedding,
};

const SUBJECTS: u64 = 40;
const EVENTS: u64 = 2_000;
const REPEATS: usize = 300;

/// SplitMix64 as a stream.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn values(&mut self, dim: usize) -> Vec<f32> {
        (0..dim).map(|_| (self.next() >> 40) as f32 / (1_u64 << 23) as f32 - 1.0).collect()
    }
}

fn near(centre: &[f32], dice: &mut Dice) -> Option<Embedding> {
    let own = dice.values(centre.len());
    Embedding::from_values(centre.iter().zip(own).map(|(c, o)| c + o).collect()).ok()
}

fn furnish(recommender: &mut Recommender, items: u64) -> Result<(), IdError> {
    let mut dice = Dice(1);
    let centres: Vec<Vec<f32>> = (0..SUBJECTS).map(|_| dice.values(SEMANTIC_DIM)).collect();
    let pictures: Vec<Vec<f32>> = (0..SUBJECTS).map(|_| dice.values(1280)).collect();
    for number in 0..items {
        let subject = (number % SUBJECTS) as usize;
        let mut content = Content::default();
        if let Some(vector) = near(&centres[subject], &mut dice) {
            content.semantic.insert(Modality::Text, vector);
        }
        if let Some(embedding) = near(&pictures[subject], &mut dice).filter(|_| number % 2 == 0) {
            let model = "picture@1".to_owned();
            content.embeddings.insert(Modality::Image, ModelEmbedding { model, embedding });
        }
        let item = Item {
            id: ItemId::parse(&format!("item:{number}"))?,
            kind: ["film", "music", "picture", "article"][(number % 4) as usize].to_owned(),
            title: Some(format!("Title {number} of subject{subject}")),
            text: None,
            tags: vec![format!("subject{subject}"), format!("tag{}", number % 97)],
            attributes: [].into(),
            published_at: Some(Timestamp::from_unix_ms(number as i64 * 3_600_000)),
            expires_at: None,
            provider: None,
        };
        recommender.apply(Input::PutItem { item, content }, Timestamp::from_unix_ms(0));
    }
    Ok(())
}

fn report(what: &str, mut micros: Vec<f64>) {
    micros.sort_unstable_by(f64::total_cmp);
    let at = |share: f64| micros[((micros.len() - 1) as f64 * share) as usize];
    println!("  {what:<26} p50 {:>8.0} µs   p99 {:>8.0} µs", at(0.5), at(0.99));
}

fn measure(items: u64) -> Result<(), IdError> {
    println!("{items} items, 4 people, {EVENTS} events");
    let mut recommender = Recommender::new(Settings { relevance_min: 0.0, ..Settings::default() });
    let started = Instant::now();
    furnish(&mut recommender, items)?;
    println!("  {:<26} {:.0} ms", "taking the items in", started.elapsed().as_secs_f64() * 1e3);
    let users = ["ann", "bea", "cem", "dai"].map(UserId::parse);
    let users: Vec<UserId> = users.into_iter().collect::<Result<_, _>>()?;
    let mut dice = Dice(2);
    let mut now = items as i64 * 3_600_000;
    let mut spent = Vec::new();
    for _ in 0..EVENTS {
        now += 600_000;
        let at = Timestamp::from_unix_ms(now);
        let event_type = [EventType::Play, EventType::Complete, EventType::Skip, EventType::Like];
        let event = Event {
            user: users[(dice.next() % 4) as usize].clone(),
            item: ItemId::parse(&format!("item:{}", dice.next() % items))?,
            event_type: event_type[(dice.next() % 4) as usize],
            value: None,
            at,
            context: Context::new(),
            comment: None,
        };
        let started = Instant::now();
        recommender.apply(Input::Event(event), at);
        spent.push(started.elapsed().as_secs_f64() * 1e6);
    }
    report("event", spent);
    let query = Query {
        semantic: near(&dice.values(SEMANTIC_DIM), &mut dice)
            .map(|v| (Modality::Text, v))
            .into_iter()
            .collect(),
        text: Some("title of subject7".to_owned()),
        ..Query::default()
    };
    let now = Timestamp::from_unix_ms(now);
    for (what, people, query) in
        [("list", 1, None), ("list for four", 4, None), ("list with a query", 1, Some(query.clone()))]
    {
        let request = Request {
            users: users[..people].to_vec(),
            n: 20,
            kinds: Vec::new(),
            context: Context::new(),
            query,
            exclude: Vec::new(),
            filter: Filter::default(),
            diversity: None,
            calibration: None,
            explore: false,
            seen: false,
            language: None,
            seed: 1,
        };
        let time = |_| {
            let started = Instant::now();
            let shortlist = recommender.shortlist(&request, now);
            let ranked = recommender.rank(shortlist, &[], &request, now);
            assert_eq!(ranked.len(), 20);
            started.elapsed().as_secs_f64() * 1e6
        };
        report(what, (0..REPEATS).map(time).collect());
    }
    let time = |_| {
        let started = Instant::now();
        assert_eq!(recommender.search(&query, &[], &Filter::default(), 20, now).matches.len(), 20);
        started.elapsed().as_secs_f64() * 1e6
    };
    report("search", (0..REPEATS).map(time).collect());
    Ok(())
}

fn main() -> Result<(), IdError> {
    let asked: Vec<u64> = std::env::args().skip(1).filter_map(|items| items.parse().ok()).collect();
    let sizes = if asked.is_empty() { vec![1_000, 10_000] } else { asked };
    sizes.into_iter().filter(|items| *items >= 1_000).try_for_each(measure)
}
