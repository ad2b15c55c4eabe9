//! A simulated house: people with known interests do something with what they are shown, and the
//! recommender learns from it. The same seed gives the same days.
//!
//! Nothing is known of anybody at first. Each person's interests are four of the subjects. Each day each
//! gets a list, looks at a place the less likely the lower it is, takes what is of an interest of theirs
//! more likely the stronger that is and the better the item, and now and then skips what is not.

use std::collections::{BTreeMap, BTreeSet};

use attuned_recommender::{
    Content, Context, Embedding, Event, EventType, Feature, Input, Item, ItemId, Modality, Recommender,
    Request, SEMANTIC_DIM, Settings, Timestamp, UserId,
};

const SUBJECTS: usize = 16;
const PROVIDERS: usize = 8;
const INTERESTS: usize = 4;
/// How strong a person's interests are, strongest first.
const STRENGTHS: [f32; INTERESTS] = [1.0, 0.8, 0.6, 0.4];
const DAY_MS: i64 = 86_400_000;
/// Days over which figures are taken together.
pub const WINDOW: usize = 5;

/// How lists are made.
#[derive(Debug, Clone)]
pub struct Policy {
    /// What it is called in tables.
    pub name: &'static str,
    pub settings: Settings,
    pub explore: bool,
    pub diversity: f32,
    pub calibration: f32,
    /// What was taken may come again.
    pub seen: bool,
}

impl Policy {
    /// The recommender as it is set.
    pub fn engine() -> Policy {
        let settings = Settings::default();
        let diversity = settings.diversity;
        Policy { name: "as set", settings, explore: true, diversity, calibration: 0.0, seen: false }
    }

    /// Lists keep to the mix of what was liked, and a place is explored.
    pub fn calibrated() -> Policy {
        Policy { name: "calibrated", calibration: 0.5, ..Policy::engine() }
    }

    /// A fifth of the places is explored.
    pub fn curious() -> Policy {
        let settings = Settings { explore_share: 0.2, ..Settings::default() };
        Policy { name: "curious", settings, ..Policy::calibrated() }
    }

    /// Nothing is explored.
    pub fn unexplored() -> Policy {
        Policy { name: "not explored", explore: false, ..Policy::engine() }
    }

    /// Nor are lists kept diverse.
    pub fn plain() -> Policy {
        Policy { name: "nor diverse", diversity: 0.0, ..Policy::unexplored() }
    }

    /// More of the same, again and again: neither explored nor diverse, and what was taken may come again.
    pub fn narrow() -> Policy {
        Policy { name: "narrow", seen: true, ..Policy::plain() }
    }

    /// What most people take is shown to everybody, again and again.
    pub fn crowd() -> Policy {
        let mut settings = Settings::default();
        settings.priors.insert(Feature::Popular, 20.0);
        Policy { name: "crowd", settings, ..Policy::narrow() }
    }
}

/// How large the house is, and for how long.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    pub people: usize,
    pub items_each: usize,
    pub days: usize,
    pub places: usize,
    pub seed: u64,
}

/// What was shown over some days.
#[derive(Debug, Clone, Copy, Default)]
pub struct Health {
    /// The share of shown items that were taken.
    pub taken: f64,
    /// The mean share of items that fewer people like than the one shown, in `[0, 1]`; .5 if shown by
    /// chance.
    pub popularity: f64,
    /// Gini's coefficient of how often each item was shown: 0 if all alike, 1 if one alone.
    pub gini: f64,
    /// The share of places that would have to change hands for each provider to have its share of the
    /// catalogue.
    pub providers: f64,
    /// The mean share of a person's true interests of which something was shown to them.
    pub coverage: f64,
    /// Entropy of the subjects shown in the house, in bits.
    pub entropy: f64,
    /// The same of what one person was shown, on average.
    pub entropy_each: f64,
}

impl Health {
    /// What the figures are called, in the order of [`Health::figures`].
    pub const COLUMNS: [&str; 7] =
        ["taken", "popular", "gini", "providers", "coverage", "entropy", "of each"];

    /// One line of a table.
    pub fn figures(&self) -> String {
        let Health { taken, popularity, gini, providers, coverage, entropy, entropy_each } = self;
        let figures = [taken, popularity, gini, providers, coverage, entropy, entropy_each];
        figures.map(|figure| format!("{figure:>10.3}")).join("")
    }
}

struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Uniform in `[0, 1)`.
    fn unit(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1_u64 << 24) as f32
    }

    fn direction(&mut self) -> Vec<f32> {
        let values = (0..SEMANTIC_DIM).map(|_| (0..12).map(|_| self.unit()).sum::<f32>() - 6.0).collect();
        Embedding::from_values(values).expect("a direction").as_slice().to_vec()
    }
}

struct Offer {
    subject: usize,
    provider: usize,
    /// In `[0.5, 1.5)`: how good it is.
    quality: f32,
}

struct Person {
    id: UserId,
    /// How strong the interest in each subject is.
    interests: BTreeMap<usize, f32>,
    shown: Vec<u32>,
}

struct House {
    recommender: Recommender,
    offers: Vec<Offer>,
    people: Vec<Person>,
    likers: Vec<BTreeSet<usize>>,
    dice: Dice,
    now: i64,
}

fn item_id(number: usize) -> ItemId {
    ItemId::parse(&format!("item:{number:05}")).expect("an item id")
}

impl House {
    fn new(policy: &Policy, size: Size) -> House {
        let mut house = House {
            recommender: Recommender::new(policy.settings.clone()),
            offers: Vec::new(),
            people: Vec::new(),
            likers: Vec::new(),
            dice: Dice(size.seed),
            now: 1_795_305_600_000,
        };
        let common = house.dice.direction();
        let centres: Vec<Vec<f32>> = (0..SUBJECTS).map(|_| house.dice.direction()).collect();
        for number in 0..SUBJECTS * size.items_each {
            let subject = number % SUBJECTS;
            // A few providers have most of the catalogue.
            let provider = (house.dice.unit() * house.dice.unit() * PROVIDERS as f32) as usize;
            house.offers.push(Offer { subject, provider, quality: 0.5 + house.dice.unit() });
            house.likers.push(BTreeSet::new());
            let own = house.dice.direction();
            let parts = common.iter().zip(&centres[subject]).zip(&own);
            let mixed = parts.map(|((common, centre), own)| 0.35 * common + 0.55 * centre + 0.75 * own);
            let vector = Embedding::from_values(mixed.collect()).expect("a direction");
            let item = Item {
                id: item_id(number),
                kind: "film".to_owned(),
                title: None,
                text: None,
                tags: vec![format!("subject{subject}")],
                attributes: BTreeMap::new(),
                published_at: None,
                expires_at: None,
                provider: Some(format!("provider{provider}")),
            };
            let content = Content { semantic: [(Modality::Text, vector)].into(), ..Content::default() };
            let now = Timestamp::from_unix_ms(house.now - 60 * DAY_MS);
            house.recommender.apply(Input::PutItem { item, content }, now);
        }
        for number in 0..size.people {
            let id = UserId::parse(&format!("person{number}")).expect("a user id");
            let mut interests = BTreeMap::new();
            for strength in STRENGTHS {
                // Some subjects are liked by many, some by few.
                let subject = loop {
                    let subject = (house.dice.unit() * house.dice.unit() * SUBJECTS as f32) as usize;
                    if !interests.contains_key(&subject) {
                        break subject;
                    }
                };
                interests.insert(subject, strength);
            }
            house.people.push(Person { id, interests, shown: Vec::new() });
        }
        house
    }

    fn does(&mut self, user: &UserId, person: usize, item: usize, event_type: EventType) {
        let now = Timestamp::from_unix_ms(self.now);
        let event = Event {
            user: user.clone(),
            item: item_id(item),
            event_type,
            value: None,
            at: now,
            context: Context::new(),
            comment: None,
        };
        if matches!(event_type, EventType::Like | EventType::Complete) {
            self.likers[item].insert(person);
        }
        self.recommender.apply(Input::Event(event), now);
    }

    /// Shows a person a list. Returns how much of it was taken.
    fn visit(&mut self, policy: &Policy, size: Size, person: usize) -> usize {
        let id = self.people[person].id.clone();
        let request = Request {
            users: vec![id.clone()],
            n: size.places,
            diversity: Some(policy.diversity),
            calibration: Some(policy.calibration),
            explore: policy.explore,
            seen: policy.seen,
            seed: self.dice.next(),
            ..Request::default()
        };
        let now = Timestamp::from_unix_ms(self.now);
        let shortlist = self.recommender.shortlist(&request, now);
        let list = self.recommender.rank(shortlist, &[], &request, now);
        let mut taken = 0;
        for (place, ranked) in list.iter().enumerate() {
            let number = ranked.item.as_str().rsplit(':').next().and_then(|number| number.parse().ok());
            let item: usize = number.expect("an item's number");
            self.people[person].shown.push(item as u32);
            let offer = &self.offers[item];
            let interest = self.people[person].interests.get(&offer.subject).copied().unwrap_or(0.0);
            let looks = self.dice.unit() < 0.93_f32.powi(place as i32);
            let wants = self.dice.unit() < 0.02 + 0.6 * interest * offer.quality;
            let annoyed = interest == 0.0 && self.dice.unit() < 0.3;
            let delighted = self.dice.unit() < 0.3;
            match (looks, wants) {
                (true, true) => {
                    let event_type = if delighted { EventType::Like } else { EventType::Complete };
                    self.does(&id, person, item, event_type);
                    taken += 1;
                }
                (true, false) if annoyed => self.does(&id, person, item, EventType::Skip),
                (true, false) => self.does(&id, person, item, EventType::Impression),
                (false, _) => {}
            }
        }
        taken
    }

    /// What was shown since the last time, which is forgotten.
    fn health(&mut self, taken: usize) -> Health {
        let shown: Vec<Vec<u32>> = self.people.iter_mut().map(|p| std::mem::take(&mut p.shown)).collect();
        let all: Vec<usize> = shown.iter().flatten().map(|item| *item as usize).collect();
        let places = all.len().max(1) as f64;
        let mut by_likers: Vec<usize> = self.likers.iter().map(BTreeSet::len).collect();
        by_likers.sort_unstable();
        let percentile = |item: usize| {
            let likers = self.likers[item].len();
            let below = by_likers.partition_point(|other| *other < likers);
            let level = by_likers.partition_point(|other| *other <= likers) - below;
            (below as f64 + level as f64 / 2.0) / by_likers.len() as f64
        };
        let shares = |of: &dyn Fn(usize) -> usize, count: usize, items: &[usize]| {
            let mut shares = vec![0.0; count];
            items.iter().for_each(|item| shares[of(*item)] += 1.0 / items.len().max(1) as f64);
            shares
        };
        let subject = |item: usize| self.offers[item].subject;
        let provider = |item: usize| self.offers[item].provider;
        let catalogue: Vec<usize> = (0..self.offers.len()).collect();
        let due = shares(&provider, PROVIDERS, &catalogue);
        let had = shares(&provider, PROVIDERS, &all);
        let covered = |person: &Person, shown: &[u32]| {
            let subjects: BTreeSet<usize> = shown.iter().map(|item| subject(*item as usize)).collect();
            person.interests.keys().filter(|interest| subjects.contains(interest)).count() as f64
                / INTERESTS as f64
        };
        let people = self.people.len() as f64;
        let coverage =
            self.people.iter().zip(&shown).map(|(p, shown)| covered(p, shown)).sum::<f64>() / people;
        let each = |shown: &Vec<u32>| {
            let items: Vec<usize> = shown.iter().map(|item| *item as usize).collect();
            entropy(&shares(&subject, SUBJECTS, &items))
        };
        Health {
            taken: taken as f64 / places,
            popularity: all.iter().map(|item| percentile(*item)).sum::<f64>() / places,
            gini: gini(shares(&|item| item, self.offers.len(), &all)),
            providers: due.iter().zip(&had).map(|(due, had)| (due - had).abs()).sum::<f64>() / 2.0,
            coverage,
            entropy: entropy(&shares(&subject, SUBJECTS, &all)),
            entropy_each: shown.iter().map(each).sum::<f64>() / people,
        }
    }
}

/// In bits.
fn entropy(shares: &[f64]) -> f64 {
    -shares.iter().filter(|share| **share > 0.0).map(|share| share * share.log2()).sum::<f64>()
}

fn gini(mut shares: Vec<f64>) -> f64 {
    shares.sort_by(f64::total_cmp);
    let (count, total) = (shares.len() as f64, shares.iter().sum::<f64>());
    let weighted: f64 = (1..).zip(&shares).map(|(place, share)| f64::from(place) * share).sum();
    if total > 0.0 { 2.0 * weighted / (count * total) - (count + 1.0) / count } else { 0.0 }
}

/// Lives through the days; one line of figures for every [`WINDOW`].
pub fn simulate(policy: &Policy, size: Size) -> Vec<Health> {
    let mut house = House::new(policy, size);
    let mut windows = Vec::new();
    let mut taken = 0;
    for day in 1..=size.days {
        house.now += DAY_MS;
        for person in 0..size.people {
            taken += house.visit(policy, size, person);
        }
        if day % WINDOW == 0 {
            windows.push(house.health(std::mem::take(&mut taken)));
        }
    }
    windows
}
