//! What a house costs by its size: time for one list and for one event, memory, and time to tune, over
//! 1,000 to 100,000 items and 10 to 10,000 people who like 50 items each.
//! `cargo run --release -p attuned-recommender --example costs [ITEMS PEOPLE]`
//!
//! Every house lives in a process of its own, so that its memory is its own; one that takes more than
//! three minutes is stopped, and what it had not measured by then is shown as `-`. Times are of time
//! passed, so on a busy machine only p50 says something.
#![expect(clippy::print_stdout, reason = "an example prints what it measured")]

use std::io::{BufRead, BufReader, Error, Write};
use std::process::{Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use attuned_recommender::{
    Content, Context, Embedding, Event, EventType, Input, Item, ItemId, Modality, Recommender, Request,
    SEMANTIC_DIM, Settings, Timestamp, UserId,
};

const ITEMS: [usize; 3] = [1_000, 10_000, 100_000];
const PEOPLE: [usize; 3] = [10, 1_000, 10_000];
const LIKES: usize = 50;
const SUBJECTS: usize = 40;
const LISTS: usize = 400;
const EVENTS: usize = 1_000;
const DEADLINE: Duration = Duration::from_secs(180);
const COLUMNS: [&str; 9] = [
    "filled s",
    "memory MB",
    "list cpu ms",
    "list p50 ms",
    "list p99 ms",
    "group p50 ms",
    "event p50 us",
    "event p99 us",
    "tuned s",
];

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

    /// Uniform in `[0, 1)`.
    fn unit(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1_u64 << 24) as f32
    }

    fn below(&mut self, bound: usize) -> usize {
        ((self.unit() * bound as f32) as usize).min(bound - 1)
    }

    fn values(&mut self) -> Vec<f32> {
        (0..SEMANTIC_DIM).map(|_| 2.0 * self.unit() - 1.0).collect()
    }
}

fn item_id(number: usize) -> ItemId {
    ItemId::parse(&format!("item:{number}")).expect("an item id")
}

fn user_id(number: usize) -> UserId {
    UserId::parse(&format!("person{number}")).expect("a user id")
}

struct House {
    recommender: Recommender,
    items: usize,
    people: usize,
    dice: Dice,
    now: i64,
}

impl House {
    fn furnished(items: usize, people: usize) -> House {
        let mut dice = Dice(1);
        let centres: Vec<Vec<f32>> = (0..SUBJECTS).map(|_| dice.values()).collect();
        let mut recommender = Recommender::new(Settings::default());
        for number in 0..items {
            let own = dice.values();
            let near = centres[number % SUBJECTS].iter().zip(own).map(|(centre, own)| centre + own);
            let vector = Embedding::from_values(near.collect()).expect("a direction");
            let item = Item {
                id: item_id(number),
                kind: ["film", "music", "picture", "article"][number % 4].to_owned(),
                title: Some(format!("Title {number}")),
                text: None,
                tags: vec![format!("subject{}", number % SUBJECTS), format!("tag{}", number % 97)],
                attributes: [].into(),
                published_at: Some(Timestamp::from_unix_ms(number as i64 * 60_000)),
                expires_at: None,
                provider: None,
            };
            let content = Content { semantic: [(Modality::Text, vector)].into(), ..Content::default() };
            recommender.apply(Input::PutItem { item, content }, Timestamp::from_unix_ms(0));
        }
        House { recommender, items, people, dice, now: items as i64 * 60_000 }
    }

    /// An item of one of a person's three subjects; a few are liked by many.
    fn of_interest(&mut self, person: usize) -> usize {
        let subject = (person * 7 + 13 * self.dice.below(3)) % SUBJECTS;
        let place = self.dice.unit() * self.dice.unit() * (self.items / SUBJECTS) as f32;
        subject + SUBJECTS * place as usize
    }

    fn does(&mut self, person: usize, item: usize, event_type: EventType) {
        self.now += 1_000;
        let at = Timestamp::from_unix_ms(self.now);
        let event = Event {
            user: user_id(person),
            item: item_id(item),
            event_type,
            value: None,
            at,
            context: Context::new(),
            comment: None,
        };
        self.recommender.apply(Input::Event(event), at);
    }

    /// Everybody's likes but the last, and those last ones.
    fn settle(&mut self) -> Vec<(UserId, Vec<ItemId>)> {
        for _ in 1..LIKES {
            for person in 0..self.people {
                let item = self.of_interest(person);
                self.does(person, item, EventType::Like);
            }
        }
        (0..self.people).map(|person| (user_id(person), vec![item_id(self.of_interest(person))])).collect()
    }

    fn list(&self, users: Vec<UserId>) -> f64 {
        let request = Request { users, n: 20, ..Request::default() };
        let now = Timestamp::from_unix_ms(self.now);
        let started = Instant::now();
        let shortlist = self.recommender.shortlist(&request, now);
        let list = self.recommender.rank(shortlist, &[], &request, now);
        let passed = started.elapsed().as_secs_f64();
        assert_eq!(list.len(), 20);
        passed
    }
}

/// Resident memory of this process, in megabytes; 0 where the system does not say.
fn resident_mb() -> f64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm.split(' ').nth(1).and_then(|pages| pages.parse::<f64>().ok());
    pages.unwrap_or(0.0) * 4096.0 / 1e6
}

/// For how long this process has run on a processor so far, in seconds; 0 where the system does not say.
fn processor_s() -> f64 {
    let schedstat = std::fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    schedstat.split(' ').next().and_then(|ns| ns.parse::<f64>().ok()).unwrap_or(0.0) / 1e9
}

fn at(times: &mut [f64], share: f64) -> f64 {
    times.sort_unstable_by(f64::total_cmp);
    times[((times.len() - 1) as f64 * share) as usize]
}

/// Measures one house; a figure a line, in the order of the columns.
fn measure(items: usize, people: usize) -> Result<(), Error> {
    let mut out = std::io::stdout();
    let mut say = |figure: f64| writeln!(out, "{figure}").and_then(|()| out.flush());
    let started = Instant::now();
    let mut house = House::furnished(items, people);
    let held_out = house.settle();
    say(started.elapsed().as_secs_f64())?;
    say(resident_mb())?;
    let asking: Vec<usize> = (0..LISTS).map(|_| house.dice.below(people)).collect();
    let before = processor_s();
    let mut lists: Vec<f64> = asking.into_iter().map(|person| house.list(vec![user_id(person)])).collect();
    say(1e3 * (processor_s() - before) / LISTS as f64)?;
    say(1e3 * at(&mut lists, 0.5))?;
    say(1e3 * at(&mut lists, 0.99))?;
    let mut groups: Vec<f64> = (0..LISTS / 4)
        .map(|number| house.list((0..4).map(|member| user_id((number + member) % people)).collect()))
        .collect();
    say(1e3 * at(&mut groups, 0.5))?;
    let mut events: Vec<f64> = (0..EVENTS)
        .map(|number| {
            let person = house.dice.below(people);
            let item = house.of_interest(person);
            let event_type = [EventType::Like, EventType::Complete, EventType::Skip, EventType::Impression];
            let started = Instant::now();
            house.does(person, item, event_type[number % 4]);
            started.elapsed().as_secs_f64()
        })
        .collect();
    say(1e6 * at(&mut events, 0.5))?;
    say(1e6 * at(&mut events, 0.99))?;
    let started = Instant::now();
    let tuning = house.recommender.tune(&held_out, &[], Timestamp::from_unix_ms(house.now));
    house.recommender.set_tuning(tuning);
    say(started.elapsed().as_secs_f64())
}

/// The figures of a house in a process of its own, as far as they came in time.
fn apart(items: usize, people: usize) -> Result<Vec<f64>, Error> {
    let mut child = Command::new(std::env::current_exe()?)
        .args([items.to_string(), people.to_string(), "alone".to_owned()])
        .stdout(Stdio::piped())
        .spawn()?;
    let Some(output) = child.stdout.take() else { return Ok(Vec::new()) };
    let (send, receive) = channel();
    let reader = std::thread::spawn(move || {
        let lines = BufReader::new(output).lines().map_while(Result::ok);
        lines.filter_map(|line| line.parse().ok()).all(|figure: f64| send.send(figure).is_ok())
    });
    let started = Instant::now();
    let mut figures = Vec::new();
    loop {
        match receive.recv_timeout(DEADLINE.saturating_sub(started.elapsed())) {
            Ok(figure) => figures.push(figure),
            Err(RecvTimeoutError::Timeout) => {
                child.kill()?;
                break;
            }
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    child.wait()?;
    reader.join().expect("reading lines does not panic");
    Ok(figures)
}

fn report(items: usize, people: usize) -> Result<(), Error> {
    let figures = apart(items, people)?;
    let shown = |at: usize| figures.get(at).map_or("-".to_owned(), |figure| format!("{figure:.2}"));
    let row: Vec<String> = (0..COLUMNS.len()).map(|at| format!("{:>13}", shown(at))).collect();
    println!("{items:>8} {people:>7}{}", row.join(""));
    Ok(())
}

fn main() -> Result<(), Error> {
    let asked: Vec<String> = std::env::args().skip(1).collect();
    let number =
        |at: usize| asked.get(at).and_then(|number| number.parse().ok()).filter(|number| *number > 0);
    if let (Some(items), Some(people), true) = (number(0), number(1), asked.len() == 3) {
        return measure(items, people);
    }
    println!("{:>8} {:>7}{}", "items", "people", COLUMNS.map(|column| format!("{column:>13}")).join(""));
    if let (Some(items), Some(people)) = (number(0), number(1)) {
        return report(items, people);
    }
    ITEMS.into_iter().try_for_each(|items| PEOPLE.into_iter().try_for_each(|people| report(items, people)))
}
