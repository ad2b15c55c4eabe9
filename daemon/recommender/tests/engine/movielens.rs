//! Real people's likes (MovieLens 100k): what a person of three tastes gets, and what a skip costs.
//!
//! Reads `../shared/data/rec-ml-100k-text` beside the repository, or under `ATTUNED_SHARED`; where it is
//! absent the tests say so and pass.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use attuned_recommender::{Content, Embedding, EventType, Input, Item, Modality, Request, SEMANTIC_DIM};

use crate::house::{Dice, House, day, house_item, item_id, request, semantic, user_id};

/// Stars from which on a rating is a like.
const LIKED_STARS: u32 = 4;

/// Every so many people are kept out of the house, to be mixed.
const APART: usize = 5;

pub struct Films {
    /// Genres by film.
    pub genres: BTreeMap<u32, Vec<String>>,
    /// Who liked what, in the order of time.
    pub likes: BTreeMap<u32, Vec<u32>>,
}

/// The text between two marks.
fn between<'a>(line: &'a str, from: &str, to: &str) -> Option<&'a str> {
    let start = line.find(from)? + from.len();
    Some(&line[start..start + line[start..].find(to)?])
}

pub fn read() -> Option<Films> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    let root = std::env::var_os("ATTUNED_SHARED").map_or(beside, PathBuf::from);
    let folder = root.join("data/rec-ml-100k-text");
    let text = |name: &str| std::fs::read_to_string(folder.join(name));
    let (Ok(items), Ok(interactions)) = (text("items.jsonl"), text("interactions.csv")) else {
        println!("skipped: {} is absent", folder.display());
        return None;
    };
    let genres = items
        .lines()
        .map(|line| {
            let id = between(line, "\"id\": \"", "\"").and_then(|id| id.parse().ok()).expect("an id");
            let tags = between(line, "\"tags\": [", "]").expect("tags");
            (id, tags.split(", ").map(|tag| tag.trim_matches('"').to_owned()).collect())
        })
        .collect();
    let mut timed: BTreeMap<u32, Vec<(u64, u32)>> = BTreeMap::new();
    for line in interactions.lines().skip(1) {
        let fields: Vec<&str> = line.split(',').collect();
        let number = |at: usize| fields[at].parse::<u32>().expect("a number");
        if number(3) >= LIKED_STARS {
            timed.entry(number(0)).or_default().push((u64::from(number(4)), number(1)));
        }
    }
    let likes = timed
        .into_iter()
        .map(|(user, mut likes)| {
            likes.sort_unstable();
            (user, likes.into_iter().map(|(_, item)| item).collect())
        })
        .collect();
    Some(Films { genres, likes })
}

impl Films {
    fn is_apart(user: u32) -> bool {
        (user as usize).is_multiple_of(APART)
    }

    /// What is known of each film as one vector, on random directions: its genres, telling ones counting
    /// more, and for the other half, if asked for, who of the house liked it.
    fn vectors(&self, with_likers: bool) -> BTreeMap<u32, Embedding> {
        let mut counts: BTreeMap<&str, f32> = BTreeMap::new();
        self.genres.values().flatten().for_each(|genre| *counts.entry(genre).or_default() += 1.0);
        let directions: BTreeMap<&str, Vec<f32>> =
            counts.keys().enumerate().map(|(n, genre)| (*genre, Dice(n as u64).direction())).collect();
        let mut likers: BTreeMap<u32, Vec<f32>> = BTreeMap::new();
        let house = self.likes.iter().filter(|(user, _)| with_likers && !Films::is_apart(**user));
        for (user, likes) in house {
            let direction = Dice(10_000 + u64::from(*user)).direction();
            let weight = 1.0 / (likes.len() as f32).sqrt();
            for film in likes {
                let sum = likers.entry(*film).or_insert_with(|| vec![0.0; SEMANTIC_DIM]);
                sum.iter_mut().zip(&direction).for_each(|(sum, value)| *sum += weight * value);
            }
        }
        let vector = |film: &u32, genres: &Vec<String>| {
            let mut by_genre = vec![0.0; SEMANTIC_DIM];
            for genre in genres {
                let weight = (self.genres.len() as f32 / counts[genre.as_str()]).ln();
                let direction = &directions[genre.as_str()];
                by_genre.iter_mut().zip(direction).for_each(|(sum, value)| *sum += weight * value);
            }
            let parts = [Some(&by_genre), likers.get(film)];
            let mut whole = vec![0.0; SEMANTIC_DIM];
            for part in
                parts.into_iter().flatten().filter_map(|part| Embedding::from_values(part.clone()).ok())
            {
                whole.iter_mut().zip(part.as_slice()).for_each(|(sum, value)| *sum += value);
            }
            Embedding::from_values(whole).ok()
        };
        self.genres.iter().filter_map(|(film, genres)| Some((*film, vector(film, genres)?))).collect()
    }

    /// The films and everybody's likes but of those who are kept apart; with vectors or without.
    fn house(&self, vectors: Option<&BTreeMap<u32, Embedding>>) -> House {
        let mut house = House::new();
        house.now = day(-60);
        for (film, genres) in &self.genres {
            let vector = vectors.and_then(|vectors| vectors.get(film));
            let content = vector.map_or_else(Content::default, |v| semantic(Modality::Text, v.clone()));
            house.put(Item { tags: genres.clone(), ..house_item(&film.to_string(), "film") }, content);
        }
        house.now = day(0);
        for (user, likes) in self.likes.iter().filter(|(user, _)| !Films::is_apart(**user)) {
            for film in likes {
                house.does(&user.to_string(), &film.to_string(), EventType::Like, None);
            }
        }
        house
    }
}

fn mean_of<'a>(films: impl Iterator<Item = &'a u32>, vectors: &BTreeMap<u32, Embedding>) -> Vec<f32> {
    let mut mean = vec![0.0; SEMANTIC_DIM];
    for vector in films.filter_map(|film| vectors.get(film)) {
        mean.iter_mut().zip(vector.as_slice()).for_each(|(sum, value)| *sum += value);
    }
    Embedding::from_values(mean).map_or_else(|_| vec![0.0; SEMANTIC_DIM], |mean| mean.as_slice().to_vec())
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// One made-up person: what three real ones liked at first, and what each of them liked later.
struct Mixture {
    liked: Vec<u32>,
    later: [BTreeSet<u32>; 3],
}

impl Films {
    /// Mixtures of people kept apart whose tastes are unlike: each with one of the quarter that is least like
    /// them, and one of the quarter least like both. So many of each one's likes are known as `counts` says.
    fn mixtures(&self, counts: [usize; 3], vectors: &BTreeMap<u32, Embedding>) -> Vec<Mixture> {
        let able: Vec<(&Vec<u32>, Vec<f32>)> = self
            .likes
            .iter()
            .filter(|(user, likes)| Films::is_apart(**user) && likes.len() >= 45)
            .map(|(_, likes)| (likes, mean_of(likes.iter(), vectors)))
            .collect();
        let mut mixtures = Vec::new();
        for first in 0..able.len() {
            let mut dice = Dice(first as u64);
            let mut unlike = |others: &[usize]| {
                let likeness =
                    |at: usize| others.iter().map(|o| dot(&able[*o].1, &able[at].1)).fold(-1.0, f32::max);
                let mut free: Vec<usize> = (0..able.len()).filter(|at| !others.contains(at)).collect();
                free.sort_by(|a, b| likeness(*a).total_cmp(&likeness(*b)));
                free[(dice.unit() * free.len() as f32 / 4.0) as usize]
            };
            let second = unlike(&[first]);
            let third = unlike(&[first, second]);
            let chosen = [first, second, third].map(|at| able[at].0);
            let parts = [0, 1, 2].map(|at| chosen[at].split_at(counts[at]));
            let mut liked: Vec<u32> = parts.iter().flat_map(|(known, _)| known.iter().copied()).collect();
            for at in (1..liked.len()).rev() {
                liked.swap(at, (dice.unit() * (at + 1) as f32) as usize);
            }
            // What two of them like tells nothing of either.
            let later = [0, 1, 2].map(|at| {
                let others = [0, 1, 2].into_iter().filter(|other| *other != at);
                let theirs: BTreeSet<u32> = others.flat_map(|other| chosen[other].iter().copied()).collect();
                parts[at].1.iter().copied().filter(|film| !theirs.contains(film)).collect()
            });
            mixtures.push(Mixture { liked, later });
        }
        mixtures
    }
}

/// What lists hold of three tastes, on average over people.
#[derive(Debug, Clone, Copy, Default)]
struct Met {
    /// The share of tastes of which there is a film that its person liked later.
    tastes: f64,
    /// The share of tastes of which there are two.
    twice: f64,
    /// The share of people of whom all three tastes are there.
    all: f64,
    /// Films that somebody liked later.
    films: f64,
}

impl Met {
    fn add(&mut self, list: &[u32], mixture: &Mixture, people: usize) {
        let found = mixture.later.each_ref().map(|later| list.iter().filter(|f| later.contains(f)).count());
        let tastes = |least: usize| found.iter().filter(|count| **count >= least).count() as f64 / 3.0;
        let share = 1.0 / people as f64;
        self.tastes += share * tastes(1);
        self.twice += share * tastes(2);
        self.all += share * f64::from(u8::from(tastes(1) == 1.0));
        self.films += share * found.iter().sum::<usize>() as f64;
    }
}

/// The films nearest to the mean of the liked ones.
fn by_mean(liked: &[u32], vectors: &BTreeMap<u32, Embedding>) -> Vec<u32> {
    let mean = mean_of(liked.iter(), vectors);
    let mut scored: Vec<(f32, u32)> = vectors
        .iter()
        .filter(|(film, _)| !liked.contains(film))
        .map(|(film, vector)| (dot(vector.as_slice(), &mean), *film))
        .collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    scored.into_iter().take(20).map(|(_, film)| film).collect()
}

fn listed(house: &House, request: &Request) -> Vec<u32> {
    let list = house.list(request);
    list.iter().map(|ranked| ranked.item.as_str().parse().expect("a film's number")).collect()
}

#[test]
fn a_person_of_three_real_tastes_gets_more_of_each() {
    let Some(films) = read() else { return };
    let (vectors, genres) = (films.vectors(true), films.vectors(false));
    let (mut engine, mut mean) = (0.0, 0.0);
    for with_vectors in [false, true] {
        let mut house = films.house(with_vectors.then_some(&vectors));
        for counts in [[20, 20, 20], [30, 12, 6]] {
            let mixtures = films.mixtures(counts, &vectors);
            let names = ["engine", "engine, calibration .5", "mean of genres and likers", "mean of genres"];
            let mut met = [Met::default(); 4];
            for mixture in &mixtures {
                for film in &mixture.liked {
                    house.does("mixture", &film.to_string(), EventType::Like, None);
                }
                let asked = request(&["mixture"], 20);
                let lists = [
                    listed(&house, &asked),
                    listed(&house, &Request { calibration: Some(0.5), ..asked }),
                    by_mean(&mixture.liked, &vectors),
                    by_mean(&mixture.liked, &genres),
                ];
                met.iter_mut().zip(lists).for_each(|(met, list)| met.add(&list, mixture, mixtures.len()));
                house.recommender.apply(Input::ForgetUser(user_id("mixture")), house.now);
            }
            let known = if with_vectors { "genres, likes and vectors" } else { "genres and likes" };
            println!("{} people, {counts:?} likes, engine knows {known}:", mixtures.len());
            for (name, met) in names.iter().zip(met) {
                println!(
                    "  {name:<26} tastes {:.3}, twice {:.3}, all three {:.3}, films {:.2}",
                    met.tastes, met.twice, met.all, met.films
                );
            }
            assert!(met[0].tastes >= 1.1 * met[2].tastes, "{counts:?} {with_vectors}: {met:?}");
            engine += met[0].films;
            mean += met[2].films;
        }
    }
    assert!(engine >= 1.3 * mean, "{engine} {mean}");
}

/// The genre that has most of a list's places.
fn main_genre(films: &Films, list: &[u32]) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    list.iter().flat_map(|film| &films.genres[film]).for_each(|genre| *counts.entry(genre).or_default() += 1);
    let most = counts.into_iter().max_by_key(|(genre, count)| (*count, std::cmp::Reverse(*genre)));
    most.map(|(genre, _)| genre.to_owned()).unwrap_or_default()
}

/// The lists of real people kept apart, of whom 30 likes are known, after they skip some films of their
/// list: of the genre that has most of it, or such that no genre is in all of them.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Skipping {
    Genre(usize),
    OfEverything,
}

/// What a list holds of the main genre, and recall of what was liked later elsewhere: in the list, and in
/// one without the genre, so that the places it leaves hide no loss.
#[derive(Debug, Clone, Copy, Default)]
struct Share {
    places: f64,
    elsewhere: f64,
    beside: f64,
}

/// By person: before, and after skipping so many days ago.
fn shares(
    films: &Films,
    vectors: Option<&BTreeMap<u32, Embedding>>,
    skipping: Skipping,
    days_ago: i64,
) -> Vec<[Share; 2]> {
    let mut house = films.house(vectors);
    let apart = films.likes.iter().filter(|(user, likes)| Films::is_apart(**user) && likes.len() >= 45);
    let mut people = Vec::new();
    for (_, likes) in apart {
        house.now = day(0);
        let (known, later) = likes.split_at(30);
        for film in known {
            house.does("apart", &film.to_string(), EventType::Like, None);
        }
        let list = listed(&house, &request(&["apart"], 20));
        let genre = main_genre(films, &list);
        let of_genre = |film: &u32| films.genres[film].contains(&genre);
        let elsewhere: Vec<u32> = later.iter().copied().filter(|film| !of_genre(film)).collect();
        let recall = |list: &[u32]| {
            list.iter().filter(|film| elsewhere.contains(film)).count() as f64 / elsewhere.len().max(1) as f64
        };
        let share = |house: &House| {
            let asked = request(&["apart"], 20);
            let exclude = films.genres.keys().filter(|film| of_genre(film));
            let exclude = exclude.map(|film| item_id(&film.to_string())).collect();
            let list = listed(house, &asked);
            Share {
                places: list.iter().filter(|film| of_genre(film)).count() as f64,
                elsewhere: recall(&list),
                beside: recall(&listed(house, &Request { exclude, ..asked })),
            }
        };
        let before = share(&house);
        let skipped: Vec<u32> = match skipping {
            Skipping::Genre(count) => list.into_iter().filter(of_genre).take(count).collect(),
            Skipping::OfEverything => {
                let with = list.iter().copied().find(of_genre);
                let without = list.iter().copied().filter(|film| !of_genre(film));
                with.into_iter().chain(without.take(2)).collect()
            }
        };
        for film in skipped {
            house.does("apart", &film.to_string(), EventType::Skip, None);
        }
        house.now = day(days_ago);
        people.push([before, share(&house)]);
        house.recommender.apply(Input::ForgetUser(user_id("apart")), house.now);
    }
    people
}

/// Means, with the 95 % interval of how far the genre's places fall, by 1,000 draws of people.
fn check_skipping(
    films: &Films,
    vectors: Option<&BTreeMap<u32, Embedding>>,
    skipping: Skipping,
    days_ago: i64,
) -> [Share; 2] {
    let people = shares(films, vectors, skipping, days_ago);
    let mean = |of: &dyn Fn(&[Share; 2]) -> f64| people.iter().map(of).sum::<f64>() / people.len() as f64;
    let means = [0, 1].map(|at| Share {
        places: mean(&|p| p[at].places),
        elsewhere: mean(&|p| p[at].elsewhere),
        beside: mean(&|p| p[at].beside),
    });
    let mut dice = Dice(1);
    let mut draws: Vec<f64> = (0..1_000)
        .map(|_| {
            let drawn = (0..people.len()).map(|_| &people[(dice.unit() * people.len() as f32) as usize]);
            let (before, after) =
                drawn.fold((0.0, 0.0), |(b, a), person| (b + person[0].places, a + person[1].places));
            1.0 - after / before
        })
        .collect();
    draws.sort_by(f64::total_cmp);
    let [before, after] = means;
    println!(
        "{} people, {}, {skipping:?} skipped {days_ago} days ago: the main genre has {:.2} -> {:.2} of 20 \
         places, which fall by {:.0} % [{:.0}, {:.0}]; recall elsewhere {:.3} -> {:.3}, beside the genre \
         {:.3} -> {:.3}",
        people.len(),
        vectors.map_or("without vectors", |_| "with vectors"),
        before.places,
        after.places,
        100.0 * (1.0 - after.places / before.places),
        100.0 * draws[25],
        100.0 * draws[974],
        before.elsewhere,
        after.elsewhere,
        before.beside,
        after.beside,
    );
    means
}

#[test]
fn a_skipped_genre_is_left_out_for_a_while_and_the_others_gain() {
    let Some(films) = read() else { return };
    let (genres, both) = (films.vectors(false), films.vectors(true));
    for vectors in [None, Some(&genres), Some(&both)] {
        let [before, after] = check_skipping(&films, vectors, Skipping::Genre(3), 0);
        assert!(after.places <= 0.2 * before.places, "{before:?} {after:?}");
        assert!(after.elsewhere >= before.elsewhere - 0.01, "{before:?} {after:?}");
        assert!(after.beside >= before.beside - 0.02, "{before:?} {after:?}");
    }
    let [before, after] = check_skipping(&films, None, Skipping::Genre(1), 0);
    assert!(after.places >= 0.6 * before.places, "one skip is not enough: {before:?} {after:?}");
    let [before, after] = check_skipping(&films, None, Skipping::OfEverything, 0);
    assert!(after.places >= 0.7 * before.places, "no genre is meant: {before:?} {after:?}");
    let [before, after] = check_skipping(&films, None, Skipping::Genre(3), 60);
    assert!(after.places >= 0.5 * before.places, "they come back: {before:?} {after:?}");
}
