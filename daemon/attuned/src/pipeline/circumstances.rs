//! What the time of day says of a request, and what plugins see of its circumstances.

use std::collections::BTreeMap;

use attuned_recommender::ruling::RuleContext;
use attuned_recommender::{Context, Request, Timestamp, Value};
use jiff::Zoned;
use jiff::tz::TimeZone;

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

/// The circumstances as plugins see them: every context value that is a text, a number or a truth,
/// as text.
pub(super) fn for_rules(request: &Request, local: &Zoned) -> RuleContext {
    let mut facets = BTreeMap::new();
    for (key, value) in &request.context {
        let text = match value {
            Value::Text(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            Value::Bool(truth) => truth.to_string(),
            Value::List(_) | Value::Map(_) => continue,
        };
        facets.insert(key.clone(), text);
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

    #[test]
    fn a_given_daypart_stands() {
        let zone = TimeZone::UTC;
        let given: Context = [("daypart".to_owned(), Value::Text("siesta".to_owned()))].into();
        let context = with_time_of_day(given, &local(Timestamp::from_unix_ms(0), &zone));
        assert_eq!(context.get("daypart"), Some(&Value::Text("siesta".to_owned())));
    }
}
