//! A report as one page of HTML that needs nothing else.

use super::judging::Liking;
use super::plot::{Axis, Plot, colour, escaped};
use super::report::{Report, Row, Stretch};

const STYLE: &str = "\
:root{color-scheme:light}\
body{font:15px/1.5 system-ui,sans-serif;color:#1b1f24;background:#fff;max-width:1280px;margin:2rem auto;padding:0 1.2rem}\
h1{font-size:1.5rem;margin:0}h2{font-size:1.1rem;margin:2rem 0 .4rem}p{margin:.3rem 0;max-width:46rem}\
.plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(380px,1fr));gap:1rem 2rem}\
figure{margin:0}figcaption{font-weight:600;margin:.8rem 0 .2rem}\
svg{width:100%;height:auto}svg text{font:11px system-ui,sans-serif;fill:#444}.mid{text-anchor:middle}.end{text-anchor:end}\
.name{font-weight:600}.grid{stroke:#e3e6ea}.guide{stroke:#999;stroke-dasharray:4 4}.interval{stroke:#1b1f24;stroke-width:1.4}\
.scroll{overflow-x:auto}table{border-collapse:collapse;font-variant-numeric:tabular-nums}\
th,td{padding:.25rem .5rem;text-align:right;border-bottom:1px solid #e3e6ea;white-space:nowrap}\
th:first-child,td:first-child{text-align:left}thead th{border-bottom:2px solid #b5bcc4}tr.own td{font-weight:600}\
small{color:#667}.legend span{display:inline-block;margin-right:1rem;white-space:nowrap}\
.legend i{display:inline-block;width:.8rem;height:.8rem;border-radius:2px;margin-right:.35rem;vertical-align:-1px}\
.confusion td{text-align:center;min-width:6rem}";

/// The page.
#[must_use]
pub fn page(report: &Report) -> String {
    let counts = &report.counts;
    let mut body = format!(
        "<h1>{}</h1><p>Split {}, lists of {}. {} users of whom {} are tested, {} items (all of them are ranked), \
         {} interactions: {} known, {} to be found. Intervals: 95 %, bootstrap over people.</p>",
        escaped(&report.data),
        report.split,
        report.k,
        counts.users,
        counts.users_tested,
        counts.items,
        counts.interactions,
        counts.known,
        counts.test
    );
    body += &figures(report);
    body += "<h2>Plots</h2>";
    body += &legend(report);
    body += "<div class=\"plots\">";
    body += &curve(report, "Recall over the length of the list", |row| &row.curve.recall);
    body += &curve(report, "NDCG over the length of the list", |row| &row.curve.ndcg);
    body += &coverage(report);
    body += &over_time(report);
    body += &ablation(report);
    if let Some((row, liking)) = judged(report) {
        body += &calibration(report);
        body += &confusion(row, liking);
    }
    body += "</div>";
    for (title, sentences) in [("Left out", &report.left_out), ("Notes", &report.notes)] {
        if !sentences.is_empty() {
            body += &format!("<h2>{title}</h2>");
            body.extend(sentences.iter().map(|sentence| format!("<p>{}</p>", escaped(sentence))));
        }
    }
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>{} - attuned evaluate</title>\
         <style>{STYLE}</style></head><body>{body}</body></html>\n",
        escaped(&report.data)
    )
}

fn figures(report: &Report) -> String {
    let k = report.k;
    let mut rows = String::new();
    for row in &report.recommenders {
        let with = |name: &str, value: f64| match row.interval.get(name) {
            Some([low, high]) => format!("<td>{value:.4}<br><small>{low:.4}-{high:.4}</small></td>"),
            None => format!("<td>{value:.4}</td>"),
        };
        let some = |value: Option<f64>| {
            value.map_or_else(|| "<td>-</td>".to_owned(), |value| format!("<td>{value:.3}</td>"))
        };
        let plain = |value: f64| format!("<td>{value:.4}</td>");
        let judgement = row.judgement.as_ref();
        let liking = judgement.and_then(|judgement| judgement.like_dislike.as_ref());
        rows += if row.name == "attuned" { "<tr class=\"own\">" } else { "<tr>" };
        rows += &format!("<td>{}</td>", escaped(&row.name));
        rows += &with("recall", row.recall);
        rows += &with("ndcg", row.ndcg);
        rows.extend([row.precision, row.map, row.hit_rate, row.mrr, row.auc, row.lists.coverage].map(plain));
        rows += &some(row.lists.ild);
        rows += &some(Some(row.lists.novelty));
        rows += &some(row.lists.calibration_kl);
        rows += &some(row.lists.popularity_lift);
        rows += &some(row.lists.interests);
        rows += &some(row.lists.provider_gini);
        rows += &some(liking.map(|liking| liking.accuracy));
        rows += &some(liking.map(|liking| liking.f1));
        rows += &some(judgement.and_then(|judgement| judgement.rmse));
        rows += &format!("<td>{:.2}</td><td>{:.2}</td></tr>", row.fit_s, row.ms_per_user);
    }
    let names = [
        "recommender".to_owned(),
        format!("recall@{k}"),
        format!("NDCG@{k}"),
        "precision".to_owned(),
        "MAP".to_owned(),
        "hit rate".to_owned(),
        "MRR".to_owned(),
        "AUC".to_owned(),
        "coverage".to_owned(),
        "ILD".to_owned(),
        "novelty, bits".to_owned(),
        "mix KL, bits".to_owned(),
        "popularity lift".to_owned(),
        "interests met".to_owned(),
        "providers' Gini".to_owned(),
        "accuracy".to_owned(),
        "F1".to_owned(),
        "RMSE".to_owned(),
        "fit, s".to_owned(),
        "ms a user".to_owned(),
    ];
    let head: String = names.iter().map(|name| format!("<th>{name}</th>")).collect();
    format!(
        "<h2>Figures</h2><div class=\"scroll\"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )
}

fn legend(report: &Report) -> String {
    let names = report.recommenders.iter().enumerate().map(|(place, row)| {
        format!("<span><i style=\"background:{}\"></i>{}</span>", colour(place), escaped(&row.name))
    });
    format!("<p class=\"legend\">{}</p>", names.collect::<String>())
}

fn figure(caption: &str, content: &str) -> String {
    format!("<figure><figcaption>{caption}</figcaption>{content}</figure>")
}

fn curve(report: &Report, caption: &str, values: fn(&Row) -> &[f64]) -> String {
    let Some(first) = report.recommenders.first() else { return String::new() };
    let most = report.recommenders.iter().flat_map(values).copied().fold(0.0, f64::max);
    let x = Axis::of_labels("length of the list", first.curve.k.iter().map(ToString::to_string));
    let mut plot = Plot::new(caption, x, Axis::up_to("", most));
    for (place, row) in report.recommenders.iter().enumerate().rev() {
        let points: Vec<(f64, f64)> =
            values(row).iter().enumerate().map(|(at, value)| (at as f64, *value)).collect();
        plot.line(&points, colour(place), place == 0);
    }
    figure(caption, &plot.finish())
}

fn coverage(report: &Report) -> String {
    let most = |of: fn(&Row) -> f64| report.recommenders.iter().map(of).fold(0.0, f64::max);
    let x = Axis::up_to("coverage: share of the items that are in a list", most(|row| row.lists.coverage));
    let mut plot = Plot::new("coverage against NDCG", x, Axis::up_to("NDCG", most(|row| row.ndcg)));
    for (place, row) in report.recommenders.iter().enumerate().rev() {
        plot.dot((row.lists.coverage, row.ndcg), colour(place), if place == 0 { 7.0 } else { 5.0 });
    }
    figure("Coverage against accuracy", &plot.finish())
}

/// Whether the loop of showing and choosing stays healthy.
fn over_time(report: &Report) -> String {
    type Figure = fn(&Stretch) -> Option<f64>;
    let figures: [(&str, Figure); 5] = [
        ("Recall over time", |stretch| Some(stretch.recall)),
        ("Coverage over time: share of the items that are in a list", |stretch| Some(stretch.lists.coverage)),
        ("Interests over time: share of a person's tags that a list meets", |stretch| {
            stretch.lists.interests
        }),
        ("Novelty over time, bits: the less popular, the more", |stretch| Some(stretch.lists.novelty)),
        ("Providers over time: Gini of their exposure for each item", |stretch| stretch.lists.provider_gini),
    ];
    figures.into_iter().map(|(caption, of)| figure_over_time(report, caption, of)).collect()
}

fn figure_over_time(report: &Report, caption: &str, of: fn(&Stretch) -> Option<f64>) -> String {
    let lines: Vec<Vec<(f64, f64)>> = report
        .recommenders
        .iter()
        .map(|row| {
            (0..).zip(&row.over_time).filter_map(|(at, one)| Some((f64::from(at), of(one)?))).collect()
        })
        .collect();
    let Some(stretches) = lines.iter().map(Vec::len).max().filter(|stretches| *stretches > 0) else {
        return String::new();
    };
    let most = lines.iter().flatten().map(|point| point.1).fold(0.0, f64::max);
    let x = Axis::of_labels("stretch of equally many lists", (1..=stretches).map(|at| at.to_string()));
    let mut plot = Plot::new(caption, x, Axis::up_to("", most));
    for (place, points) in lines.iter().enumerate().rev() {
        plot.line(points, colour(place), place == 0);
    }
    figure(caption, &plot.finish())
}

fn ablation(report: &Report) -> String {
    if report.ablation.is_empty() {
        return String::new();
    }
    let rows = &report.ablation;
    let high =
        |row: &super::report::Ablation| row.interval.get("recall").map_or(row.recall, |interval| interval[1]);
    let most = rows.iter().map(high).fold(0.0, f64::max);
    let mut x = Axis::of_labels("", rows.iter().map(|row| row.name.clone()));
    x.range = (-0.5, rows.len() as f64 - 0.5);
    let mut plot = Plot::new("recall without parts of the content", x, Axis::up_to("recall", most));
    for (at, row) in rows.iter().enumerate() {
        let interval = row.interval.get("recall").copied().unwrap_or([row.recall; 2]);
        plot.bar(at as f64, 0.6, row.recall, interval, colour(if at == 0 { 0 } else { 4 }));
    }
    figure(&format!("The engine without parts of the content ({} people)", rows[0].n), &plot.finish())
}

/// The first recommender of which liking was judged.
fn judged(report: &Report) -> Option<(&Row, &Liking)> {
    report.recommenders.iter().find_map(|row| Some((row, row.judgement.as_ref()?.like_dislike.as_ref()?)))
}

fn calibration(report: &Report) -> String {
    let x = Axis::up_to("told probability of liking", 1.0);
    let mut plot =
        Plot::new("told probability against share liked", x, Axis::up_to("share that was liked", 1.0));
    plot.guide((0.0, 0.0), (1.0, 1.0));
    let mut told = Vec::new();
    for (place, row) in report.recommenders.iter().enumerate().rev() {
        let Some(liking) = row.judgement.as_ref().and_then(|judgement| judgement.like_dislike.as_ref())
        else {
            continue;
        };
        let points: Vec<(f64, f64)> = liking.bins.iter().map(|bin| (bin.told, bin.so)).collect();
        plot.line(&points, colour(place), place == 0);
        told.push(format!("{} {:.3}", escaped(&row.name), liking.ece));
    }
    told.reverse();
    let words = format!("<p><small>expected calibration error: {}</small></p>", told.join(", "));
    figure("Calibration of liking", &(plot.finish() + &words))
}

fn confusion(row: &Row, liking: &Liking) -> String {
    let counts = &liking.confusion;
    let most = [
        counts.liked_as_liked,
        counts.liked_as_disliked,
        counts.disliked_as_liked,
        counts.disliked_as_disliked,
    ]
    .into_iter()
    .max()
    .unwrap_or(0)
    .max(1);
    let cell = |count: usize, right: bool| {
        let (shade, tone) =
            (0.12 + 0.5 * count as f64 / most as f64, if right { "0,114,178" } else { "213,94,0" });
        let share = 100.0 * count as f64 / liking.n.max(1) as f64;
        format!(
            "<td style=\"background:rgba({tone},{shade:.2})\">{count}<br><small>{share:.1} %</small></td>"
        )
    };
    let table = format!(
        "<table class=\"confusion\"><thead><tr><th></th><th>told: liked</th><th>told: disliked</th></tr></thead><tbody>\
         <tr><td>liked</td>{}{}</tr><tr><td>disliked</td>{}{}</tr></tbody></table>\
         <p><small>{} cases, accuracy {:.3}, precision {:.3}, recall {:.3}, F1 {:.3}</small></p>",
        cell(counts.liked_as_liked, true),
        cell(counts.liked_as_disliked, false),
        cell(counts.disliked_as_liked, false),
        cell(counts.disliked_as_disliked, true),
        liking.n,
        liking.accuracy,
        liking.precision,
        liking.recall,
        liking.f1
    );
    figure(&format!("Liked and disliked, as {} tells them apart", escaped(&row.name)), &table)
}
