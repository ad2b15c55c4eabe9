//! Answers in plain text for people. The same document gives the same text.

use std::collections::BTreeMap;

use crate::cli::table::{Table, fit};
use crate::document::user::TagDocument;
use crate::document::{Degraded, RankedDocument, RecommendationDocument, SearchAnswerDocument, UserDocument};

/// Most columns of a title.
const TITLE_COLUMNS_MAX: usize = 48;

/// Most columns of a reason.
const REASON_COLUMNS_MAX: usize = 100;

/// A reason that weighs less than this in log-odds moves a score by less than what is printed.
const WEIGHT_MIN: f64 = 0.005;

/// A list: a line an item, and below it what raises and lowers its score.
#[must_use]
pub fn recommendation(list: &RecommendationDocument) -> String {
    let whom = if list.users.is_empty() { "nobody in particular".to_owned() } else { list.users.join(", ") };
    let mut lines = vec![format!("For {whom}, {}, in {:.1} ms", list.generated_at, list.timings_ms.total)];
    if list.items.is_empty() {
        lines.push(nothing("Nothing fits", list.empty_reason.as_deref()));
    }
    let mut heads = Table::default();
    for item in &list.items {
        heads.row([
            format!("{:>3}", item.rank),
            format!("{:.2}", item.score),
            title(item.title.as_deref(), &item.item),
            fit(&item.kind, TITLE_COLUMNS_MAX),
            item.item.clone(),
        ]);
    }
    for (head, item) in heads.render().lines().zip(&list.items) {
        lines.push(head.to_owned());
        lines.extend(reasons(item));
    }
    lines.extend(left_out(&list.degraded));
    lines.join("\n")
}

fn reasons(item: &RankedDocument) -> Vec<String> {
    let weighty = |weight: f64| weight.abs() >= WEIGHT_MIN;
    let told = item.reasons.iter().flatten().filter(|reason| weighty(reason.weight));
    told.map(|reason| {
        let source = reason.plugin.as_ref().map(|plugin| format!(" (plugin {plugin})")).unwrap_or_default();
        format!("     {:+.2}  {}{source}", reason.weight, fit(&reason.text, REASON_COLUMNS_MAX))
    })
    .collect()
}

/// What a search found: a line an item.
#[must_use]
pub fn matches(answer: &SearchAnswerDocument) -> String {
    let mut table = Table::default();
    for item in &answer.items {
        table.row([
            format!("{:>3}", item.rank),
            format!("{:.2}", item.score),
            title(item.title.as_deref(), &item.item),
            fit(&item.kind, TITLE_COLUMNS_MAX),
            item.item.clone(),
            item.modality.as_ref().map(|modality| format!("by its {modality}")).unwrap_or_default(),
        ]);
    }
    let mut lines = if answer.items.is_empty() {
        vec![nothing("Nothing matches", answer.empty_reason.as_deref())]
    } else {
        vec![table.render()]
    };
    lines.extend(left_out(&answer.degraded));
    lines.join("\n")
}

/// What was learnt of a person.
#[must_use]
pub fn user(user: &UserDocument) -> String {
    let mut table = Table::default();
    table.row(["user".to_owned(), user.user.clone()]);
    if let Some(at) = &user.last_event_at {
        table.row(["last event".to_owned(), at.clone()]);
    }
    table.row(["events".to_owned(), or_none(counts(&user.events))]);
    table.row(["kinds".to_owned(), or_none(shares(&user.kinds))]);
    for (name, items) in [("interests", &user.interests), ("avoided", &user.avoided)] {
        if items.is_empty() {
            table.row([name.to_owned(), "none".to_owned()]);
        }
        for (place, interest) in items.iter().enumerate() {
            let name = if place == 0 { name } else { "" };
            let title = title(interest.title.as_deref(), &interest.item);
            table.row([name.to_owned(), format!("{:.2}  {title}  {}", interest.weight, interest.item)]);
        }
    }
    table.row(["liked tags".to_owned(), or_none(tags(&user.liked_tags))]);
    table.row(["avoided tags".to_owned(), or_none(tags(&user.avoided_tags))]);
    table.render()
}

fn nothing(what: &str, reason: Option<&str>) -> String {
    reason.map_or_else(|| format!("{what}."), |reason| format!("{what}: {reason}."))
}

fn title(title: Option<&str>, id: &str) -> String {
    fit(title.unwrap_or(id), TITLE_COLUMNS_MAX)
}

fn left_out(degraded: &[Degraded]) -> Vec<String> {
    degraded
        .iter()
        .map(|missing| format!("without {} {}: {}", missing.part, missing.name, missing.reason))
        .collect()
}

fn or_none(parts: Vec<String>) -> String {
    if parts.is_empty() { "none".to_owned() } else { parts.join(", ") }
}

fn counts(events: &BTreeMap<String, u64>) -> Vec<String> {
    let mut events: Vec<_> = events.iter().collect();
    events.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
    events.into_iter().map(|(name, count)| format!("{count} {name}")).collect()
}

fn shares(kinds: &BTreeMap<String, f64>) -> Vec<String> {
    let mut kinds: Vec<_> = kinds.iter().collect();
    kinds.sort_by(|a, b| b.1.total_cmp(a.1).then(a.0.cmp(b.0)));
    kinds
        .into_iter()
        .map(|(name, share)| format!("{} {:.0} %", fit(name, TITLE_COLUMNS_MAX), share * 100.0))
        .collect()
}

fn tags(tags: &[TagDocument]) -> Vec<String> {
    tags.iter().map(|tag| format!("{} {:.2}", fit(&tag.tag, TITLE_COLUMNS_MAX), tag.weight)).collect()
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use serde::de::DeserializeOwned;

    use super::*;

    fn check<T: DeserializeOwned>(json: &str, render: fn(&T) -> String, expected: Expect) {
        let document: T = serde_json::from_str(json).expect("a document");
        expected.assert_eq(&(render(&document) + "\n"));
    }

    const TIMINGS: &str = r#""timings_ms":{"encode":0,"shortlist":1,"plugins":0.5,"rank":0.2,"total":1.84}"#;

    #[test]
    fn a_list_says_what_and_why() {
        check(
            &format!(
                r#"{{"users":["alice","bob"],"generated_at":"2026-11-22T19:00:00Z","items":[
                {{"rank":1,"item":"film:42","kind":"film","title":"The Third Man","score":0.871,"bias":-0.4,"reasons":[
                  {{"kind":"similar_to","weight":0.81,"text":"like The Lady Vanishes, which you finished","item":"film:7"}},
                  {{"kind":"plugin","weight":-0.2,"text":"late for a school night","plugin":"org.attuned.family-night"}},
                  {{"kind":"fresh","weight":0.001,"text":"new"}}]}},
                {{"rank":10,"item":"m:1","kind":"music","score":0.5}}],
                "degraded":[{{"part":"plugin","name":"org.x","reason":"it took over 10 ms"}}],{TIMINGS}}}"#
            ),
            recommendation,
            expect![[r#"
                For alice, bob, 2026-11-22T19:00:00Z, in 1.8 ms
                  1  0.87  The Third Man  film   film:42
                     +0.81  like The Lady Vanishes, which you finished
                     -0.20  late for a school night (plugin org.attuned.family-night)
                 10  0.50  m:1            music  m:1
                without plugin org.x: it took over 10 ms
            "#]],
        );
    }

    #[test]
    fn an_empty_list_says_so() {
        check(
            &format!(
                r#"{{"users":[],"generated_at":"2026-11-22T19:00:00Z","items":[],"degraded":[],{TIMINGS}}}"#
            ),
            recommendation,
            expect![[r#"
                For nobody in particular, 2026-11-22T19:00:00Z, in 1.8 ms
                Nothing fits.
            "#]],
        );
    }

    #[test]
    fn a_search_says_by_which_medium() {
        check(
            &format!(
                r#"{{"items":[{{"rank":1,"item":"picture:1","kind":"picture","title":"Beach","score":0.62,"modality":"image"}},
                {{"rank":2,"item":"music:2","kind":"music","title":"Waves","score":0.4}}],"degraded":[],{TIMINGS}}}"#
            ),
            // A line without an indent keeps that of the others from being trimmed.
            |answer| format!("found\n{}", matches(answer)),
            expect![[r#"
                found
                  1  0.62  Beach  picture  picture:1  by its image
                  2  0.40  Waves  music    music:2
            "#]],
        );
        check(
            &format!(r#"{{"items":[],"degraded":[],{TIMINGS}}}"#),
            matches,
            expect![[r#"
                Nothing matches.
            "#]],
        );
        check(
            &format!(r#"{{"items":[],"empty_reason":"all is too far off","degraded":[],{TIMINGS}}}"#),
            matches,
            expect![[r#"
                Nothing matches: all is too far off.
            "#]],
        );
    }

    #[test]
    fn a_person_is_shown_by_interests_kinds_and_tags() {
        check(
            r#"{"user":"alice","events":{"like":2,"play":12},"last_event_at":"2026-11-22T18:59:00Z",
            "interests":[{"item":"film:42","title":"The Third Man","weight":1.5},{"item":"m:1","weight":0.25}],"avoided":[],
            "kinds":{"film":0.75,"music":0.25},"liked_tags":[{"tag":"noir","weight":0.8}],"avoided_tags":[]}"#,
            user,
            expect![[r#"
                user          alice
                last event    2026-11-22T18:59:00Z
                events        12 play, 2 like
                kinds         film 75 %, music 25 %
                interests     1.50  The Third Man  film:42
                              0.25  m:1  m:1
                avoided       none
                liked tags    noir 0.80
                avoided tags  none
            "#]],
        );
    }
}
