//! Tables of numbers as numpy writes them (`.npy`, versions 1 to 3).
//!
//! Format: <https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>.

use std::fs;
use std::path::Path;

use super::FEATURE_VALUES_MAX;
use crate::evaluate::data::Wrong;

/// Rows of numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Matrix {
    /// Rows and columns.
    pub shape: [usize; 2],
    /// Row by row, `shape[0] * shape[1]` of them.
    pub values: Vec<f32>,
}

/// Longest header: numpy writes some hundred bytes.
const HEADER_BYTES_MAX: usize = 64 << 10;

/// Reads a file of two dimensions, float16, float32 or float64, row by row (C order).
///
/// # Errors
///
/// A sentence that names the file, what it holds, and what was expected.
pub fn read(path: &Path) -> Result<Matrix, Wrong> {
    let told = |what: String| Wrong::file(path.display(), what);
    let metadata = fs::metadata(path)
        .map_err(|error| told(format!("cannot be read: {}", crate::cli::input_reason(&error))))?;
    let bytes_max = 8 * FEATURE_VALUES_MAX as u64 + HEADER_BYTES_MAX as u64;
    if metadata.len() > bytes_max {
        return Err(told(format!("is larger than {bytes_max} bytes, expected less")));
    }
    let bytes = fs::read(path)
        .map_err(|error| told(format!("cannot be read: {}", crate::cli::input_reason(&error))))?;
    parse(&bytes).map_err(told)
}

fn parse(bytes: &[u8]) -> Result<Matrix, String> {
    let no_npy = || "is no .npy file, expected one as numpy.save writes it".to_owned();
    let rest = bytes.strip_prefix(b"\x93NUMPY").ok_or_else(no_npy)?;
    let (version, rest) = rest.split_at_checked(2).ok_or_else(no_npy)?;
    let (length, rest) = match version[0] {
        1 => rest.split_at_checked(2).map(|(l, rest)| (usize::from(l[0]) | usize::from(l[1]) << 8, rest)),
        2 | 3 => rest
            .split_at_checked(4)
            .map(|(l, rest)| (u32::from_le_bytes([l[0], l[1], l[2], l[3]]) as usize, rest)),
        other => return Err(format!("has the .npy version {other}, expected 1, 2 or 3")),
    }
    .ok_or_else(no_npy)?;
    if length > HEADER_BYTES_MAX {
        return Err(no_npy());
    }
    let (header, content) = rest.split_at_checked(length).ok_or_else(no_npy)?;
    let header = std::str::from_utf8(header).map_err(|_| no_npy())?;
    let descr = value_of(header, "descr").ok_or_else(no_npy)?.trim_matches(['\'', '"']);
    if value_of(header, "fortran_order") != Some("False") {
        return Err("is in Fortran's order, expected C order (numpy.ascontiguousarray)".to_owned());
    }
    let shape_text = value_of(header, "shape").ok_or_else(no_npy)?;
    let shape: Vec<usize> = shape_text
        .trim_matches(['(', ')'])
        .split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .map(|part| part.parse().map_err(|_| no_npy()))
        .collect::<Result<_, _>>()?;
    let &[rows, columns] = shape.as_slice() else {
        return Err(format!("has the shape {shape_text}, expected (items, values)"));
    };
    let count = rows.checked_mul(columns).filter(|count| *count <= FEATURE_VALUES_MAX);
    let count = count
        .ok_or_else(|| format!("has the shape {shape_text}, expected at most {FEATURE_VALUES_MAX} values"))?;
    let width = match descr {
        "<f2" => 2,
        "<f4" => 4,
        "<f8" => 8,
        other => {
            return Err(format!("holds `{other}`, expected float16, float32 or float64 (<f2, <f4, <f8)"));
        }
    };
    if content.len() != count * width {
        return Err(format!(
            "has {} bytes of values, expected {} for the shape {shape_text}",
            content.len(),
            count * width
        ));
    }
    let values = match width {
        2 => content.chunks_exact(2).map(|b| half::f16::from_le_bytes([b[0], b[1]]).to_f32()).collect(),
        4 => content.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect(),
        _ => content
            .chunks_exact(8)
            .map(|b| f64::from_le_bytes([b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7]]) as f32)
            .collect(),
    };
    Ok(Matrix { shape: [rows, columns], values })
}

/// The value of a key of the header, which is a Python dictionary of one line.
fn value_of<'a>(header: &'a str, key: &str) -> Option<&'a str> {
    let at = header.find(&format!("'{key}'"))?;
    let rest = header[at..].split_once(':')?.1.trim_start();
    let end = if rest.starts_with('(') { rest.find(')')? + 1 } else { rest.find([',', '}'])? };
    Some(rest[..end].trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(header: &str, content: &[u8]) -> Vec<u8> {
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((header.len() as u16).to_le_bytes());
        bytes.extend(header.as_bytes());
        bytes.extend(content);
        bytes
    }

    fn check(bytes: &[u8], expected: &str) {
        let got = match parse(bytes) {
            Ok(matrix) => format!("{:?} {:?}", matrix.shape, matrix.values),
            Err(sentence) => sentence,
        };
        assert_eq!(got, expected);
    }

    #[test]
    fn what_numpy_writes_is_read() {
        let header = |descr: &str, shape: &str| {
            format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}   \n")
        };
        let singles: Vec<u8> =
            [1.0_f32, -2.0, 0.5, 4.0].iter().flat_map(|value| value.to_le_bytes()).collect();
        check(&file(&header("<f4", "(2, 2)"), &singles), "[2, 2] [1.0, -2.0, 0.5, 4.0]");
        check(&file(&header("<f8", "(1, 1)"), &0.25_f64.to_le_bytes()), "[1, 1] [0.25]");
        check(&file(&header("<f2", "(1, 1)"), &[0x00, 0x3e]), "[1, 1] [1.5]");
        check(&file(&header("<f4", "(0, 3)"), &[]), "[0, 3] []");
        check(
            &file(&header("<f4", "(2, 2)"), &singles[..12]),
            "has 12 bytes of values, expected 16 for the shape (2, 2)",
        );
        check(&file(&header("<f4", "(4,)"), &singles), "has the shape (4,), expected (items, values)");
        check(
            &file(&header("<i8", "(1, 1)"), &[0; 8]),
            "holds `<i8`, expected float16, float32 or float64 (<f2, <f4, <f8)",
        );
        check(
            &file("{'descr': '<f4', 'fortran_order': True, 'shape': (2, 2), }\n", &singles),
            "is in Fortran's order, expected C order (numpy.ascontiguousarray)",
        );
        check(
            &file(&header("<f4", "(99999999999, 99999999999)"), &[]),
            "has the shape (99999999999, 99999999999), expected at most 536870912 values",
        );
        for nonsense in [&b""[..], b"\x93NUMPY", b"\x93NUMPY\x01\x00\xff\xff", b"PK\x03\x04"] {
            check(nonsense, "is no .npy file, expected one as numpy.save writes it");
        }
        check(b"\x93NUMPY\x09\x00aaaa", "has the .npy version 9, expected 1, 2 or 3");
    }
}
