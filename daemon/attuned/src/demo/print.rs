//! How lists look on a terminal.

use serde_json::Value;

use super::Audience;
use crate::app::AppError;

/// Reasons shown of each item, strongest first.
const REASONS_SHOWN: usize = 3;
/// Width of titles, in characters.
const TITLE_WIDTH: usize = 44;

/// A list with its strongest reasons.
pub(super) fn list(audience: &mut dyn Audience, what: &str, answer: &Value) -> Result<(), AppError> {
    audience.show(what, answer)?;
    for item in answer["items"].as_array().into_iter().flatten() {
        audience.say(&format!(
            "  {:>2}. {:<7}  {}  {:.2}",
            item["rank"].as_u64().unwrap_or(0),
            text(&item["kind"]),
            padded(text(&item["title"])),
            item["score"].as_f64().unwrap_or(0.0),
        ))?;
        let mut reasons: Vec<&Value> = item["reasons"].as_array().into_iter().flatten().collect();
        reasons.sort_by(|a, b| weight(b).abs().total_cmp(&weight(a).abs()));
        for reason in reasons.iter().take(REASONS_SHOWN) {
            audience.say(&format!("                {:+.2}  {}", weight(reason), text(&reason["text"])))?;
        }
    }
    for left_out in answer["degraded"].as_array().into_iter().flatten() {
        audience.say(&format!(
            "      without {} {}: {}",
            text(&left_out["part"]),
            text(&left_out["name"]),
            text(&left_out["reason"])
        ))?;
    }
    Ok(())
}

/// The items whose place or score changed most between two lists.
pub(super) fn change(audience: &mut dyn Audience, before: &Value, after: &Value) -> Result<(), AppError> {
    audience.show("before the skips", before)?;
    audience.show("after the skips", after)?;
    let place = |list: &Value, id: &str| {
        let items = list["items"].as_array().cloned().unwrap_or_default();
        items
            .iter()
            .find(|item| item["item"] == id)
            .map(|item| (item["rank"].as_u64().unwrap_or(0), item["score"].as_f64().unwrap_or(0.0)))
    };
    let mut lines = Vec::new();
    for item in before["items"].as_array().into_iter().flatten() {
        let id = text(&item["item"]);
        let Some((rank, score)) = place(before, id) else { continue };
        let (fall, now) = match place(after, id) {
            Some((new_rank, new_score)) => {
                (score - new_score, format!("place {new_rank:>2}, {new_score:.2}"))
            }
            None => (score, "left the list".to_owned()),
        };
        lines.push((
            fall,
            format!("  {}  place {rank:>2}, {score:.2}  ->  {now}", padded(text(&item["title"]))),
        ));
    }
    lines.sort_by(|a, b| b.0.total_cmp(&a.0));
    for (_, line) in lines.iter().take(6) {
        audience.say(line)?;
    }
    Ok(())
}

/// What a search found.
pub(super) fn found(audience: &mut dyn Audience, answer: &Value) -> Result<(), AppError> {
    audience.show("search", answer)?;
    for item in answer["items"].as_array().into_iter().flatten() {
        audience.say(&format!(
            "  {:>2}. {:<7}  {}  {:.2}  by its {}",
            item["rank"].as_u64().unwrap_or(0),
            text(&item["kind"]),
            padded(text(&item["title"])),
            item["score"].as_f64().unwrap_or(0.0),
            text(&item["modality"]),
        ))?;
    }
    Ok(())
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or("")
}

fn weight(reason: &Value) -> f64 {
    reason["weight"].as_f64().unwrap_or(0.0)
}

/// The title in a column; wide characters count twice, as terminals show them.
fn padded(title: &str) -> String {
    let mut out = String::new();
    let mut width = 0;
    for character in title.chars() {
        let wide = 1 + usize::from(('\u{1100}'..='\u{ffdc}').contains(&character) && character > '\u{2e7f}');
        if width + wide > TITLE_WIDTH {
            break;
        }
        width += wide;
        out.push(character);
    }
    out.push_str(&" ".repeat(TITLE_WIDTH - width));
    out
}
