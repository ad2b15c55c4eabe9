//! A rule that does what rules must not do. The setting `do` says what.

use std::hint::black_box;

use attuned_plugin::*;

struct Hostile;

impl Rule for Hostile {
    fn check() -> Result<(), Failure> {
        match setting::<String>("do")?.as_str() {
            "loop in check" => spin(),
            "refuse its setting" => Err(Failure::InvalidSetting("do".to_owned())),
            _ => Ok(()),
        }
    }

    fn rank(context: &Context, candidates: &Candidates) -> Result<Ruling, Failure> {
        let len = candidates.len();
        let mut verdicts = Verdicts::new();
        match setting::<String>("do")?.as_str() {
            "behave" => {
                verdicts.boost(0, 0.25).because(0);
            }
            "loop" => spin(),
            // Host calls use hardly any fuel, so that only time ends this.
            "loop slowly" => loop {
                black_box(candidates.scores());
            },
            "eat memory" => {
                let mut hoard = Vec::new();
                loop {
                    hoard.push(black_box(vec![1_u8; 1 << 20]));
                }
            }
            "panic" => panic!("the rule is out of luck"),
            "recurse" => {
                black_box(deep(0));
            }
            "recurse on odd requests" if context.seed() % 2 == 1 => {
                black_box(deep(0));
            }
            "recurse on odd requests" => {
                verdicts.boost(0, 0.25);
            }
            "boost by no number" => {
                verdicts.boost(0, f32::NAN);
                verdicts.boost(1, f32::INFINITY);
                verdicts.boost(2, f32::NEG_INFINITY);
                verdicts.scale(3, -1.0);
            }
            "boost too much" => {
                for p in 0..len {
                    verdicts.boost(p, if p % 2 == 0 { 1e30 } else { -1e30 });
                }
            }
            "judge unknown positions" => {
                verdicts.boost(len, 0.1);
                verdicts.boost(u32::MAX, 0.1);
                verdicts.boost(0, 0.1);
            }
            "judge too often" => {
                let verdict = Verdict { position: 0, action: Action::Boost(0.1), reason: None };
                return Ok(Ruling::Adjust(vec![verdict; len as usize + 1]));
            }
            "exclude all" => {
                for p in 0..len {
                    verdicts.exclude(p);
                }
            }
            "pin" => {
                verdicts.pin(2, 0);
            }
            "order one twice" => return reorder([1, 1]),
            "order unknown positions" => return reorder([0, len]),
            "reverse" => return reorder((0..len).rev()),
            "flood the log" => {
                for line in 0..100 {
                    log(Level::Info, &format!("{line} {}", "x".repeat(600)));
                }
            }
            "fail at length" => return Err(Failure::Other("é".repeat(1000))),
            "fail hugely" => return Err(Failure::Other("x".repeat(2 << 20))),
            "answer hugely" => return reorder(vec![0; 1 << 20]),
            "log hugely" => log(Level::Info, &"x".repeat(2 << 20)),
            "look around" => return Err(Failure::Other(seen(context, candidates))),
            other => return Err(Failure::Other(format!("cannot {other}"))),
        }
        verdicts.done()
    }
}

/// Everything that the rule can find out, on one line.
fn seen(context: &Context, candidates: &Candidates) -> String {
    let column = |name| candidates.column(name).map(|c| c.len()).unwrap_or(0);
    let attribute = |name| match candidates.attribute(name) {
        Ok(labels) => (0..candidates.len()).map(|p| labels.get(p).unwrap_or("-").to_owned()).collect(),
        Err(_) => Vec::new(),
    };
    format!(
        "daypart={:?} room={:?} subject={:?} novelty={} secret={} language={:?} studio={:?} family={:?} \
         drama={:?} films={:?} music={:?} ids={:?} scores={:?}",
        context.facet("daypart"),
        context.facet("room"),
        context.subject(),
        column("novelty"),
        column("secret"),
        attribute("language"),
        attribute("studio"),
        candidates.tagged("family"),
        candidates.tagged("drama"),
        candidates.of_kind("film"),
        candidates.of_kind("music"),
        candidates.item_ids(),
        candidates.scores(),
    )
}

fn spin() -> ! {
    let mut n = 0_u64;
    loop {
        n = black_box(n.wrapping_add(1));
    }
}

/// Little of a frame is in the guest's own memory, so that the engine's stack ends first.
fn deep(n: u64) -> u64 {
    if n == u64::MAX { n } else { deep(black_box(n + 1)) + n }
}

export_rule!(Hostile);
