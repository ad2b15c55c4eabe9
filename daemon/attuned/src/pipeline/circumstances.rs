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

/// Adds `daypart` and `weekday`, unless they are given.
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
    for (key, value) in [("daypart", daypart), ("weekday", weekday)] {
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
        assert_eq!(format!("{} {}", text("weekday"), text("daypart")), expected);
    }

    #[test]
    fn the_household_s_clock_decides_what_is_evening() {
        check("2026-11-22T18:00:00Z", "UTC", "sunday evening");
        check("2026-11-22T23:30:00Z", "UTC", "sunday night");
        check("2026-11-22T23:30:00Z", "Asia/Shanghai", "monday morning");
        check("2026-11-22T04:59:00Z", "UTC", "sunday night");
        check("2026-11-22T12:00:00Z", "UTC", "sunday afternoon");
    }

    #[test]
    fn a_given_daypart_stands() {
        let zone = TimeZone::UTC;
        let given: Context = [("daypart".to_owned(), Value::Text("siesta".to_owned()))].into();
        let context = with_time_of_day(given, &local(Timestamp::from_unix_ms(0), &zone));
        assert_eq!(context.get("daypart"), Some(&Value::Text("siesta".to_owned())));
    }
}
