//! Which container a file is, by the marks at its start.
//!
//! Only real containers are named: never a playlist, a script of other files' names or a network's
//! description, so that a film from outside can lead `ffmpeg` to no file but itself.

/// Bytes of an MPEG transport stream's packet.
const TS_PACKET: usize = 188;

/// The name of ffmpeg's demuxer for this file; `None` if it is of no container that is read.
pub(crate) fn demuxer(bytes: &[u8]) -> Option<&'static str> {
    let bytes = after_id3(bytes);
    let at = |start: usize, mark: &[u8]| bytes.get(start..).is_some_and(|rest| rest.starts_with(mark));
    let first_atom = [&b"ftyp"[..], b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot"];
    let transport =
        |start: usize| (0..3).all(|packet| bytes.get(start + packet * (TS_PACKET + start)) == Some(&0x47));
    if first_atom.iter().any(|atom| at(4, atom)) {
        return Some("mov");
    }
    match bytes {
        [b'R', b'I', b'F', b'F', ..] if at(8, b"AVI ") => return Some("avi"),
        [b'R', b'I', b'F', b'F', ..] if at(8, b"WAVE") => return Some("wav"),
        [b'F', b'O', b'R', b'M', ..] if at(8, b"AIF") => return Some("aiff"),
        // Of the 16 values that the second byte may have, those of the layers of MPEG audio and of
        // AAC in its own frames.
        [0xFF, 0xF1 | 0xF9, ..] => return Some("aac"),
        [0xFF, 0xFA | 0xFB | 0xF2 | 0xF3 | 0xFC | 0xFD | 0xE2 | 0xE3, ..] => return Some("mp3"),
        _ => {}
    }
    if transport(0) || transport(4) {
        return Some("mpegts");
    }
    MARKS.iter().find(|(mark, _)| bytes.starts_with(mark)).map(|(_, name)| *name)
}

/// Marks that stand at the very start.
const MARKS: [(&[u8], &str); 25] = [
    (b"\x1a\x45\xdf\xa3", "matroska"),
    (b"FLV\x01", "flv"),
    (b"OggS", "ogg"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "asf"),
    (b"\0\0\x01\xba", "mpeg"),
    (b"\0\0\x01\xb3", "mpegvideo"),
    (b"YUV4MPEG2 ", "yuv4mpegpipe"),
    (b"DKIF", "ivf"),
    (b".RMF", "rm"),
    (b"\x06\x0e\x2b\x34\x02\x05\x01\x01", "mxf"),
    (b"fLaC", "flac"),
    (b"caff", "caf"),
    (b"MAC ", "ape"),
    (b"MPCK", "mpc8"),
    (b"MP+", "mpc"),
    (b"wvpk", "wv"),
    (b"TTA1", "tta"),
    (b"tBaK", "tak"),
    (b"DSD ", "dsf"),
    (b"FRM8", "iff"),
    (b"#!AMR", "amr"),
    (b"\x0b\x77", "ac3"),
    (b".snd", "au"),
    (b"ADIF", "aac"),
    (b"RF64", "wav"),
];

/// What follows the tags that some programs write before any kind of sound.
fn after_id3(bytes: &[u8]) -> &[u8] {
    let [b'I', b'D', b'3', _, _, flags, size @ ..] = bytes else { return bytes };
    let Some(size) = size.get(..4).filter(|size| size.iter().all(|part| *part < 0x80)) else { return bytes };
    let size = size.iter().fold(0_usize, |sum, part| sum << 7 | usize::from(*part));
    // The fourth flag says that the header is repeated as a footer.
    let footer = if flags & 0x10 == 0 { 0 } else { 10 };
    bytes.get(10 + size + footer..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(bytes: &[u8], expected: Option<&str>) {
        assert_eq!(demuxer(bytes), expected);
    }

    #[test]
    fn containers_are_known_by_their_marks() {
        check(b"\0\0\0\x18ftypisom\0\0\0\0", Some("mov"));
        check(b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81", Some("matroska"));
        check(b"RIFF\x10\0\0\0AVI LIST", Some("avi"));
        check(b"RIFF\x10\0\0\0WAVEfmt ", Some("wav"));
        check(b"OggS\0\x02", Some("ogg"));
        check(b"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6", Some("asf"));
        let mut transport = vec![0_u8; 3 * TS_PACKET];
        (0..3).for_each(|packet| transport[packet * TS_PACKET] = 0x47);
        check(&transport, Some("mpegts"));
        let mut timed = vec![0_u8; 3 * (TS_PACKET + 4)];
        (0..3).for_each(|packet| timed[4 + packet * (TS_PACKET + 4)] = 0x47);
        check(&timed, Some("mpegts"));
    }

    #[test]
    fn tags_before_the_sound_are_passed_over() {
        check(b"ID3\x04\0\0\0\0\0\x04abcdMAC \0", Some("ape"));
        check(b"ID3\x04\0\x10\0\0\0\x0212__________TTA1", Some("tta"));
        check(b"ID3\x04\0\0\x7f\x7f\x7f\x7fabcd", None);
        check(b"ID3\x04\0\0\xff\0\0\0abcd", None);
        check(b"ID3", None);
    }

    #[test]
    fn what_leads_to_other_files_is_no_container() {
        for bytes in [
            &b"#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:0\n#EXTINF:1,\nfile:///etc/passwd\n"[..],
            b"ffconcat version 1.0\nfile /etc/passwd\n",
            b"<?xml version=\"1.0\"?><MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\">",
            b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\n",
            b"[playlist]\nFile1=/etc/passwd\n",
            b"RTSPtext\nrtsp://example.org/",
            b"",
            b"RIFF",
        ] {
            check(bytes, None);
        }
    }
}
