//! Plots as SVG, for pages that need nothing from anywhere else.

use std::fmt::Write;

/// The size of a plot, in the SVG's units.
const WIDTH: f64 = 460.0;
const HEIGHT: f64 = 300.0;
/// What the axes and their labels take.
const LEFT: f64 = 52.0;
const RIGHT: f64 = 12.0;
const TOP: f64 = 10.0;
const BOTTOM: f64 = 40.0;

/// Colours that people with a colour-vision deficiency can tell apart.
/// Source: Okabe, Ito, "Color Universal Design", 2008; without yellow, which is faint on white.
const COLOURS: [&str; 7] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#555555"];

/// The colour of the series of a place; they repeat.
pub fn colour(place: usize) -> &'static str {
    COLOURS[place % COLOURS.len()]
}

/// Text as HTML and SVG take it.
pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// One axis.
pub struct Axis<'a> {
    /// What it shows.
    pub name: &'a str,
    /// Where it begins and ends.
    pub range: (f64, f64),
    /// Where it has labels, and these.
    pub ticks: Vec<(f64, String)>,
}

impl<'a> Axis<'a> {
    /// From 0 to at least `most`, with round labels.
    pub fn up_to(name: &'a str, most: f64) -> Axis<'a> {
        let most = if most.is_finite() && most > 0.0 { most } else { 1.0 };
        let magnitude = 10_f64.powf((most / 4.0).log10().floor());
        let step = [1.0, 2.0, 2.5, 5.0, 10.0].map(|factor| factor * magnitude);
        let step = step.into_iter().find(|step| step * 5.0 >= most).unwrap_or(magnitude * 10.0);
        let count = (most / step - 1e-9).ceil().max(1.0) as u32;
        let digits = (2.0 - step.log10()).floor().clamp(0.0, 6.0) as usize;
        let label = |value: f64| {
            let text = format!("{value:.digits$}");
            if text.contains('.') {
                text.trim_end_matches('0').trim_end_matches('.').to_owned()
            } else {
                text
            }
        };
        let ticks =
            (0..=count).map(|tick| f64::from(tick) * step).map(|value| (value, label(value))).collect();
        Axis { name, range: (0.0, f64::from(count) * step), ticks }
    }

    /// Equal distances for these labels.
    pub fn of_labels(name: &'a str, labels: impl Iterator<Item = String>) -> Axis<'a> {
        let ticks: Vec<(f64, String)> = labels.enumerate().map(|(at, label)| (at as f64, label)).collect();
        Axis { name, range: (0.0, (ticks.len().max(2) - 1) as f64), ticks }
    }

    fn share(&self, value: f64) -> f64 {
        (value - self.range.0) / (self.range.1 - self.range.0)
    }
}

/// A plot in the making.
pub struct Plot<'a> {
    x: Axis<'a>,
    y: Axis<'a>,
    svg: String,
}

impl<'a> Plot<'a> {
    /// Axes, and nothing between them. `title` is what a screen reader says.
    pub fn new(title: &str, x: Axis<'a>, y: Axis<'a>) -> Plot<'a> {
        let svg =
            format!("<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{}\">", escaped(title));
        let mut plot = Plot { x, y, svg };
        plot.axes();
        plot
    }

    fn put(&mut self, element: std::fmt::Arguments<'_>) {
        self.svg.write_fmt(element).expect("writing to a string does not fail");
    }

    fn at(&self, x: f64, y: f64) -> (f64, f64) {
        let (x, y) = (self.x.share(x), self.y.share(y));
        (LEFT + x * (WIDTH - LEFT - RIGHT), HEIGHT - BOTTOM - y * (HEIGHT - TOP - BOTTOM))
    }

    fn axes(&mut self) {
        let (right, bottom) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
        for (value, label) in self.y.ticks.clone() {
            let (_, y) = self.at(self.x.range.0, value);
            self.put(format_args!(
                "<line class=\"grid\" x1=\"{LEFT}\" y1=\"{y:.1}\" x2=\"{right}\" y2=\"{y:.1}\"/>"
            ));
            let x = LEFT - 6.0;
            self.put(format_args!("<text class=\"end\" x=\"{x}\" y=\"{:.1}\">{label}</text>", y + 4.0));
        }
        for (value, label) in self.x.ticks.clone() {
            let (x, _) = self.at(value, self.y.range.0);
            let y = bottom + 16.0;
            self.put(format_args!("<text class=\"mid\" x=\"{x:.1}\" y=\"{y}\">{}</text>", escaped(&label)));
        }
        let (x, y) = ((LEFT + right) / 2.0, HEIGHT - 4.0);
        let name = escaped(self.x.name);
        self.put(format_args!("<text class=\"mid name\" x=\"{x}\" y=\"{y}\">{name}</text>"));
        let (y, name) = ((TOP + bottom) / 2.0, escaped(self.y.name));
        self.put(format_args!(
            "<text class=\"mid name\" transform=\"translate(12 {y}) rotate(-90)\">{name}</text>"
        ));
    }

    /// Points joined by lines.
    pub fn line(&mut self, points: &[(f64, f64)], colour: &str, strong: bool) {
        let mut path = String::new();
        for (x, y) in points {
            let (x, y) = self.at(*x, *y);
            write!(path, "{x:.1},{y:.1} ").expect("writing to a string does not fail");
        }
        let width = if strong { 3.0 } else { 1.6 };
        let path = path.trim_end();
        self.put(format_args!(
            "<polyline fill=\"none\" stroke=\"{colour}\" stroke-width=\"{width}\" points=\"{path}\"/>"
        ));
        for point in points {
            self.dot(*point, colour, width + 0.6);
        }
    }

    /// A straight line that is no measurement.
    pub fn guide(&mut self, from: (f64, f64), to: (f64, f64)) {
        let ((a, b), (c, d)) = (self.at(from.0, from.1), self.at(to.0, to.1));
        self.put(format_args!(
            "<line class=\"guide\" x1=\"{a:.1}\" y1=\"{b:.1}\" x2=\"{c:.1}\" y2=\"{d:.1}\"/>"
        ));
    }

    /// A point.
    pub fn dot(&mut self, at: (f64, f64), colour: &str, radius: f64) {
        let (x, y) = self.at(at.0, at.1);
        self.put(format_args!("<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{radius}\" fill=\"{colour}\"/>"));
    }

    /// A bar that stands at `x`, of which the interval is drawn as well.
    pub fn bar(&mut self, x: f64, width: f64, value: f64, [low, high]: [f64; 2], colour: &str) {
        let ((left, top), (right, bottom)) = (self.at(x - width / 2.0, value), self.at(x + width / 2.0, 0.0));
        let (w, h) = (right - left, bottom - top);
        self.put(format_args!(
            "<rect x=\"{left:.1}\" y=\"{top:.1}\" width=\"{w:.1}\" height=\"{h:.1}\" fill=\"{colour}\" fill-opacity=\".8\"/>"
        ));
        let ((middle, above), (_, below)) = (self.at(x, high), self.at(x, low));
        self.put(format_args!(
            "<line class=\"interval\" x1=\"{middle:.1}\" y1=\"{above:.1}\" x2=\"{middle:.1}\" y2=\"{below:.1}\"/>"
        ));
    }

    /// The plot as an SVG element.
    pub fn finish(mut self) -> String {
        self.svg.push_str("</svg>");
        self.svg
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_end_at_round_values() {
        let check = |most: f64, expected: &str| {
            let labels: Vec<String> =
                Axis::up_to("y", most).ticks.into_iter().map(|(_, label)| label).collect();
            assert_eq!(labels.join(" "), expected, "{most}");
        };
        check(0.0917, "0 0.02 0.04 0.06 0.08 0.1");
        check(1.0, "0 0.2 0.4 0.6 0.8 1");
        check(0.23, "0 0.05 0.1 0.15 0.2 0.25");
        check(37.0, "0 10 20 30 40");
        check(0.0, "0 0.2 0.4 0.6 0.8 1");
        check(f64::NAN, "0 0.2 0.4 0.6 0.8 1");
    }
}
