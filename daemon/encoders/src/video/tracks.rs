//! What a film holds, by what ffmpeg says of it.

/// What a container holds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Tracks {
    /// How long it is; absent if it does not say.
    pub seconds: Option<f64>,
    /// Whether it has moving pictures, other than a cover.
    pub pictures: bool,
    /// Whether it has sound.
    pub sound: bool,
}

/// Reads what ffmpeg says of its input; `None` if it could not open it. A film's own texts are
/// among it, so a film can say what it likes here: at worst it is seen at another rate.
pub(crate) fn tracks(messages: &str) -> Option<Tracks> {
    if !messages.lines().any(|line| line.starts_with("Input #0, ")) {
        return None;
    }
    let streams = || messages.lines().map(str::trim_start).filter(|line| line.starts_with("Stream #0:"));
    Some(Tracks {
        seconds: messages.lines().find_map(duration),
        pictures: streams().any(|line| line.contains(": Video: ") && !line.contains("(attached pic)")),
        sound: streams().any(|line| line.contains(": Audio: ")),
    })
}

/// The seconds of a line `Duration: 00:01:02.50, …`; `None` for any other, also for `N/A`.
fn duration(line: &str) -> Option<f64> {
    let clock = line.trim_start().strip_prefix("Duration: ")?.split(',').next()?;
    let mut seconds = 0.0;
    for part in clock.split(':') {
        seconds =
            seconds * 60.0 + part.parse::<f64>().ok().filter(|part| part.is_finite() && *part >= 0.0)?;
    }
    Some(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAID: &str = "\
Input #0, mov,mp4,m4a,3gp,3g2,mj2, from 'file:/proc/self/fd/0':
  Metadata:
    title           : Stream of life: Video: a story
  Duration: 00:01:05.31, start: 0.000000, bitrate: 1589 kb/s
  Stream #0:0[0x1](und): Video: h264 (Main), yuv420p, 1280x720 [SAR 1:1 DAR 16:9], 25 fps (default)
  Stream #0:1[0x2](und): Audio: aac (LC), 48000 Hz, 5.1, fltp, 384 kb/s (default)
At least one output file must be specified
";

    #[test]
    fn tracks_are_read_from_what_it_says() {
        assert_eq!(tracks(SAID), Some(Tracks { seconds: Some(65.31), pictures: true, sound: true }));
        let unknown = SAID.replace("00:01:05.31", "N/A").replace(": Audio:", ": Subtitle:");
        assert_eq!(tracks(&unknown), Some(Tracks { seconds: None, pictures: true, sound: false }));
        let cover = SAID.replace("(default)", "(attached pic)");
        assert_eq!(tracks(&cover).map(|tracks| tracks.pictures), Some(false));
        assert_eq!(tracks("file:/proc/self/fd/0: Invalid data found when processing input"), None);
    }
}
