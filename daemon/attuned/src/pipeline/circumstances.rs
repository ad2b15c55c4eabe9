//! What the time of day says of a request, and what plugins see of its circumstances.

use std::collections::{BTreeMap, BTreeSet};

use attuned_recommender::ruling::RuleContext;
use attuned_recommender::{Context, Request, Timestamp, UserId, Value};
use jiff::Zoned;
use jiff::tz::TimeZone;

/// A circumstance that rules may ask for by name. `sdk/README.md` tells their authors.
pub struct Facet {
    /// The key of the context.
    pub name: &'static str,
    /// Its values.
    pub values: &'static str,
    /// Who says it.
    pub from: &'static str,
    /// What it means that it is absent.
    pub absent: &'static str,
}

const DAEMON: &str = "the daemon";
const HOME: &str = "the home, the request";

/// The circumstances that have a meaning of their own; rules see every other key of the home's and the
/// request's context, too. What the daemon says stands behind what the request and the home say.
pub const FACETS: [Facet; 16] = [
    Facet {
        name: "daypart",
        values: "`morning` 5 to 10 h, `afternoon` 11 to 16 h, `evening` 17 to 22 h, `night`",
        from: DAEMON,
        absent: "never",
    },
    Facet { name: "weekday", values: "`monday` … `sunday`", from: DAEMON, absent: "never" },
    Facet { name: "daytype", values: "`workday`, `weekend`", from: DAEMON, absent: "never" },
    Facet {
        name: "season",
        values: "`dec-feb`, `mar-may`, `jun-aug`, `sep-nov`",
        from: DAEMON,
        absent: "never",
    },
    Facet {
        name: "locale",
        values: "`en`, `de`, `zh`: the language of the reasons",
        from: DAEMON,
        absent: "never",
    },
    Facet {
        name: "presence",
        values: "who is there, separated by commas: `adult`, `child` …",
        from: "the home, the request; the daemon adds `child` where the list is for one of the configuration",
        absent: "not known who is there",
    },
    Facet {
        name: "youngest-age",
        values: "years, of the youngest who is there",
        from: HOME,
        absent: "not known",
    },
    Facet { name: "room", values: "a word: `living`, `kitchen` …", from: HOME, absent: "not known where" },
    Facet {
        name: "device-class",
        values: "`tv`, `speaker`, `phone`, `tablet`, `panel` …",
        from: HOME,
        absent: "not known on what",
    },
    Facet {
        name: "surface",
        values: "the part of a screen that shows the list",
        from: HOME,
        absent: "only one, or not known",
    },
    Facet {
        name: "occasion",
        values: "`family`, `party`, `dinner`, `workout` …",
        from: HOME,
        absent: "none",
    },
    Facet { name: "mood", values: "`calm`, `upbeat`, `focused` …", from: HOME, absent: "not known" },
    Facet {
        name: "weather",
        values: "as Home Assistant says it: `rainy`, `sunny`, `snowy` …",
        from: HOME,
        absent: "not known",
    },
    Facet { name: "temperature", values: "degrees Celsius, outside", from: HOME, absent: "not known" },
    Facet {
        name: "tariff",
        values: "price of power: `low`, `normal`, `high`",
        from: HOME,
        absent: "always the same, or not known",
    },
    Facet {
        name: "solar-surplus-w",
        values: "watts that the sun gives beyond what the house needs; below 0 if it needs more",
        from: HOME,
        absent: "no panels, or not known",
    },
];

/// The civil time of the household.
pub(super) fn local(now: Timestamp, timezone: &TimeZone) -> Zoned {
    jiff::Timestamp::from_millisecond(now.unix_ms()).unwrap_or_default().to_zoned(timezone.clone())
}

/// How long a circumstance of the home holds for an event that is reported late, seconds.
const SAME_TIME_S: f64 = 600.0;
/// Most circumstances of the home that are noted with an event; those by which choices are compared are
/// fewer.
const NOTED_MAX: usize = 8;
/// Longest text that is noted.
const NOTED_BYTES_MAX: usize = 64;

/// What was the case when an event happened: what it says itself, the time of day, and where it is
/// reported at once, what is the case in the home, as far as choices can be compared by it.
pub(super) fn of_event(
    given: Context,
    household: &Context,
    at: Timestamp,
    now: Timestamp,
    local: &Zoned,
) -> Context {
    let mut context = with_time_of_day(given, local);
    if now.days_since(at) * 86_400.0 > SAME_TIME_S {
        return context;
    }
    let comparable = |value: &Value| match value {
        Value::Text(text) => text.len() <= NOTED_BYTES_MAX,
        Value::Bool(_) => true,
        Value::Number(_) | Value::List(_) | Value::Map(_) => false,
    };
    for (key, value) in household.iter().filter(|(_, value)| comparable(value)).take(NOTED_MAX) {
        context.entry(key.clone()).or_insert_with(|| value.clone());
    }
    context
}

/// Adds `daypart`, `weekday`, `daytype` (`workday` or `weekend`) and `season` (three months, so that it
/// is right on either half of the earth), unless they are given.
pub(super) fn with_time_of_day(mut context: Context, local: &Zoned) -> Context {
    let daypart = match local.hour() {
        5..=10 => "morning",
        11..=16 => "afternoon",
        17..=22 => "evening",
        _ => "night",
    };
    let weekday = match local.weekday() {
        jiff::civil::Weekday::Monday => "monday",
        jiff::civil::Weekday::Tuesday => "tuesday",
        jiff::civil::Weekday::Wednesday => "wednesday",
        jiff::civil::Weekday::Thursday => "thursday",
        jiff::civil::Weekday::Friday => "friday",
        jiff::civil::Weekday::Saturday => "saturday",
        jiff::civil::Weekday::Sunday => "sunday",
    };
    let daytype = match local.weekday() {
        jiff::civil::Weekday::Saturday | jiff::civil::Weekday::Sunday => "weekend",
        _ => "workday",
    };
    let season = match local.month() {
        3..=5 => "mar-may",
        6..=8 => "jun-aug",
        9..=11 => "sep-nov",
        _ => "dec-feb",
    };
    let all = [("daypart", daypart), ("weekday", weekday), ("daytype", daytype), ("season", season)];
    for (key, value) in all {
        context.entry(key.to_owned()).or_insert_with(|| Value::Text(value.to_owned()));
    }
    context
}

/// What the daemon itself knows of a house, beside the time.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// The language of reasons where a request names none.
    pub language: String,
    /// Whom the configuration names as children.
    pub children: BTreeSet<UserId>,
}

/// The circumstances as plugins see them: every context value that is a text, a number or a truth,
/// as text.
pub(super) fn for_rules(request: &Request, local: &Zoned, known: &Known) -> RuleContext {
    let locale = request.language.map_or(known.language.as_str(), |language| language.name());
    let mut facets = BTreeMap::from([("locale".to_owned(), locale.to_owned())]);

    for (key, value) in &request.context {
        let text = match value {
            Value::Text(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            Value::Bool(truth) => truth.to_string(),
            Value::List(_) | Value::Map(_) => continue,
        };
        facets.insert(key.clone(), text);
    }
    // Whoever the list is for is there, whatever the home has noticed.
    if request.users.iter().any(|user| known.children.contains(user)) {
        let presence = facets.entry("presence".to_owned()).or_default();
        presence.push_str(if presence.is_empty() { "child" } else { ", child" });
    }
    RuleContext {
        minute_of_day: u16::try_from(i32::from(local.hour()) * 60 + i32::from(local.minute())).unwrap_or(0),
        weekday: u8::try_from(local.weekday().to_monday_one_offset()).unwrap_or(1),
        slate_size: u32::try_from(request.n).unwrap_or(u32::MAX),
        facets,
        subject: match request.users.as_slice() {
            [user] => Some(user.clone()),
            _ => None,
        },
        seed: request.seed,
    }
}

#[cfg(test)]
mod tests {
    use attuned_recommender::{Column, Language};

    use super::*;

    fn check(utc: &str, timezone: &str, expected: &str) {
        let time: jiff::Timestamp = utc.parse().expect("a time");
        let zone = TimeZone::get(timezone).expect("a time zone");
        let local = local(Timestamp::from_unix_ms(time.as_millisecond()), &zone);
        let context = with_time_of_day(Context::new(), &local);
        let text = |key: &str| match context.get(key) {
            Some(Value::Text(text)) => text.clone(),
            other => format!("{other:?}"),
        };
        let found = ["weekday", "daypart", "daytype", "season"].map(text).join(" ");
        assert_eq!(found, expected);
    }

    #[test]
    fn the_household_s_clock_decides_what_is_evening() {
        check("2026-11-22T18:00:00Z", "UTC", "sunday evening weekend sep-nov");
        check("2026-11-22T23:30:00Z", "UTC", "sunday night weekend sep-nov");
        check("2026-11-22T23:30:00Z", "Asia/Shanghai", "monday morning workday sep-nov");
        check("2026-11-22T04:59:00Z", "UTC", "sunday night weekend sep-nov");
        check("2026-11-22T12:00:00Z", "UTC", "sunday afternoon weekend sep-nov");
    }

    #[test]
    fn an_event_is_noted_with_what_was_the_case_when_it_happened() {
        let text = |text: &str| Value::Text(text.to_owned());
        let household: Context = [
            ("weather".to_owned(), text("rain")),
            ("novel".to_owned(), text(&"x".repeat(NOTED_BYTES_MAX + 1))),
            ("tariff".to_owned(), Value::Number(0.3)),
            ("room".to_owned(), text("hall")),
        ]
        .into();
        let given: Context = [("room".to_owned(), text("kitchen"))].into();
        let noted = |late_s: i64| {
            let (at, now) = (Timestamp::from_unix_ms(0), Timestamp::from_unix_ms(late_s * 1000));
            of_event(given.clone(), &household, at, now, &local(at, &TimeZone::UTC))
        };
        let keys = |context: &Context| context.keys().cloned().collect::<Vec<_>>().join(" ");
        assert_eq!(keys(&noted(5)), "daypart daytype room season weather weekday");
        assert_eq!(noted(5).get("room"), Some(&text("kitchen")), "what the event says itself stands");
        assert_eq!(keys(&noted(3600)), "daypart daytype room season weekday", "rain may be over");
        let many: Context = (0..20).map(|n| (format!("key{n:02}"), Value::Bool(true))).collect();
        let at = Timestamp::from_unix_ms(0);
        let noted = of_event(Context::new(), &many, at, at, &local(at, &TimeZone::UTC));
        assert_eq!(noted.len(), NOTED_MAX + 4);
    }

    /// The facets of a request in a house that speaks German, where ben is a child.
    fn facets(request: &Request) -> String {
        let local = local(Timestamp::from_unix_ms(0), &TimeZone::UTC);
        let children = BTreeSet::from([UserId::parse("ben").expect("an id")]);
        let context = for_rules(request, &local, &Known { language: "de".to_owned(), children });
        let facets: Vec<String> =
            context.facets.iter().map(|(name, value)| format!("{name}={value}")).collect();
        facets.join(" ")
    }

    fn for_users(users: &[&str], context: &[(&str, &str)]) -> Request {
        let text = |(key, value): &(&str, &str)| ((*key).to_owned(), Value::Text((*value).to_owned()));
        Request {
            users: users.iter().map(|user| UserId::parse(user).expect("an id")).collect(),
            context: context.iter().map(text).collect(),
            ..Request::default()
        }
    }

    #[test]
    fn rules_speak_the_language_of_the_reasons() {
        let request = for_users(&[], &[]);
        assert_eq!(facets(&request), "locale=de");
        assert_eq!(facets(&Request { language: Some(Language::Zh), ..request }), "locale=zh");
        assert_eq!(facets(&for_users(&[], &[("locale", "fr-CA")])), "locale=fr-CA");
    }

    #[test]
    fn a_child_that_the_list_is_for_is_there() {
        assert_eq!(facets(&for_users(&["anna"], &[])), "locale=de");
        assert_eq!(facets(&for_users(&["anna", "ben"], &[])), "locale=de presence=child");
        let noticed = for_users(&["ben"], &[("presence", "adult")]);
        assert_eq!(facets(&noticed), "locale=de presence=adult, child");
    }

    /// The rows of the table under this heading of the SDK's README, cells by cells.
    fn table(heading: &str) -> Vec<Vec<String>> {
        let readme = include_str!("../../../../sdk/README.md");
        let part = readme.split(&format!("\n### {heading}\n")).nth(1).expect(heading);
        let rows =
            part.lines().skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|'));
        let cells = |row: &str| row.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect();
        rows.skip(2).map(cells).collect()
    }

    #[test]
    fn the_sdk_tells_of_every_facet() {
        let row = |facet: &Facet| {
            [&format!("`{}`", facet.name), facet.values, facet.from, facet.absent].map(str::to_owned).to_vec()
        };
        assert_eq!(table("Facets"), FACETS.iter().map(row).collect::<Vec<_>>());
        // What the daemon says is always there.
        let local = local(Timestamp::from_unix_ms(0), &TimeZone::UTC);
        let request = Request { context: with_time_of_day(Context::new(), &local), ..Request::default() };
        let always = FACETS.iter().filter(|facet| facet.absent == "never").map(|facet| facet.name);
        let mut always: Vec<&str> = always.collect();
        always.sort_unstable();
        let said = for_rules(&request, &local, &Known::default());
        assert_eq!(said.facets.into_keys().collect::<Vec<_>>(), always);
    }

    #[test]
    fn the_sdk_tells_of_every_column() {
        let row = |column: &Column| {
            let range = match column.range() {
                Some((least, most)) if most.is_infinite() => format!("{least} and more"),
                Some((least, most)) => format!("{least} to {most}"),
                None => "as the item says".to_owned(),
            };
            let (name, absent) = (format!("`{}`", column.name()), column.absent().unwrap_or("never"));
            [name, column.unit().to_owned(), range, absent.to_owned()]
        };
        let told = table("Columns").into_iter().map(|row| [0, 2, 3, 4].map(|at| row[at].clone()));
        assert_eq!(told.collect::<Vec<_>>(), Column::ALL.iter().map(row).collect::<Vec<_>>());
    }

    #[test]
    fn a_given_daypart_stands() {
        let zone = TimeZone::UTC;
        let given: Context = [("daypart".to_owned(), Value::Text("siesta".to_owned()))].into();
        let context = with_time_of_day(given, &local(Timestamp::from_unix_ms(0), &zone));
        assert_eq!(context.get("daypart"), Some(&Value::Text("siesta".to_owned())));
    }
}
