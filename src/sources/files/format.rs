//! How a file is to be read: its format, dialect, compression and encoding, from options and its name.

use std::borrow::Cow;

use bytes::Bytes;
use chrono_tz::Tz;

use super::csv::Dialect;
use crate::error::{Error, Result, SqlState};
use crate::sources::options::{Options, invalid};

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// Separated values.
    Csv,
    /// JSON objects.
    Json,
    /// Apache Parquet.
    Parquet,
}

impl Format {
    /// Its name, as in the option `format`.
    pub fn name(self) -> &'static str {
        match self {
            Format::Csv => "csv",
            Format::Json => "json",
            Format::Parquet => "parquet",
        }
    }
}

/// How a file is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    None,
    /// gzip, of one or more members.
    Gzip,
    /// Zstandard, of one or more frames.
    Zstd,
}

/// What a file's name says of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NameHint {
    /// Its format; none when the extension is not known.
    pub format: Option<Format>,
    /// Whether it is a `.tsv`.
    pub tabs: bool,
    /// Whether it is a `.jsonl` or `.ndjson`.
    pub lines: bool,
    /// From `.gz` and `.zst`.
    pub compression: Compression,
}

/// Reads a file's name.
pub fn hint(name: &str) -> NameHint {
    let lower = name.to_ascii_lowercase();
    let (stem, compression) = match lower.rsplit_once('.') {
        Some((stem, "gz")) => (stem, Compression::Gzip),
        Some((stem, "zst" | "zstd")) => (stem, Compression::Zstd),
        _ => (lower.as_str(), Compression::None),
    };
    let extension = stem.rsplit_once('.').map_or("", |(_, extension)| extension);
    let (format, tabs, lines) = match extension {
        "csv" => (Some(Format::Csv), false, false),
        "tsv" => (Some(Format::Csv), true, false),
        "json" => (Some(Format::Json), false, false),
        "jsonl" | "ndjson" => (Some(Format::Json), false, true),
        "parquet" | "parq" | "pq" => (Some(Format::Parquet), false, false),
        _ => (None, false, false),
    };
    NameHint { format, tabs, lines, compression }
}

/// A file's name without the extensions that [`hint`] knows.
pub fn stem(name: &str) -> &str {
    let known = hint(name);
    let name = match known.compression {
        Compression::None => name,
        _ => name.rsplit_once('.').map_or(name, |(stem, _)| stem),
    };
    if known.format.is_some() { name.rsplit_once('.').map_or(name, |(stem, _)| stem) } else { name }
}

/// A text encoding that has one byte for each character, or UTF-8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8
    Utf8,
    /// ISO 8859-1
    Latin1,
    /// What Excel on Windows saves in western Europe.
    Windows1252,
}

/// What Windows-1252 has from 0x80 to 0x9F.
const WINDOWS_1252: [char; 32] = [
    '\u{20AC}', '\u{81}', '\u{201A}', '\u{192}', '\u{201E}', '\u{2026}', '\u{2020}', '\u{2021}', '\u{2C6}', '\u{2030}',
    '\u{160}', '\u{2039}', '\u{152}', '\u{8D}', '\u{17D}', '\u{8F}', '\u{90}', '\u{2018}', '\u{2019}', '\u{201C}',
    '\u{201D}', '\u{2022}', '\u{2013}', '\u{2014}', '\u{2DC}', '\u{2122}', '\u{161}', '\u{203A}', '\u{153}', '\u{9D}',
    '\u{17E}', '\u{178}',
];

impl Encoding {
    fn parse(name: &str) -> Result<Encoding> {
        let plain: String = name.to_ascii_lowercase().chars().filter(char::is_ascii_alphanumeric).collect();
        match plain.as_str() {
            "utf8" | "unicode" | "utf8bom" | "utf8sig" => Ok(Encoding::Utf8),
            "latin1" | "iso88591" => Ok(Encoding::Latin1),
            "windows1252" | "win1252" | "cp1252" => Ok(Encoding::Windows1252),
            _ => Err(Error::unsupported(format!("encoding \"{name}\" is not supported"))
                .with_hint("Use 'utf8', 'latin1' or 'windows-1252', or convert the file to UTF-8.")),
        }
    }

    /// The bytes in UTF-8. Bytes that are to be UTF-8 already are not looked at.
    pub fn to_utf8(self, bytes: Bytes) -> Bytes {
        if self == Encoding::Utf8 || bytes.is_ascii() {
            return bytes;
        }
        let text: String = bytes
            .iter()
            .map(|byte| match byte {
                0x80..=0x9F if self == Encoding::Windows1252 => {
                    WINDOWS_1252.get(usize::from(byte - 0x80)).copied().unwrap_or(char::from(*byte))
                }
                _ => char::from(*byte),
            })
            .collect();
        Bytes::from(text)
    }
}

/// A table's options about its files, checked.
#[derive(Clone, Debug)]
pub struct FormatOptions {
    format: Option<Format>,
    lines: bool,
    tabs: bool,
    delimiter: Option<u8>,
    quote: Option<u8>,
    escape: Option<u8>,
    comment: Option<u8>,
    compression: Option<Compression>,
    /// Whether the first record of a CSV file holds the names.
    pub header: bool,
    /// What an unquoted field holds that is null.
    pub null: String,
    /// The files' encoding.
    pub encoding: Encoding,
    /// What local times are local to.
    pub zone: Option<Tz>,
    /// How many rows types are inferred from.
    pub infer_rows: usize,
    /// The `key=value` folders that are columns; none when those that all files have are.
    pub partitions: Option<Vec<String>>,
}

impl FormatOptions {
    /// Reads a table's options; a time zone may be the server's.
    pub fn new(table: &Options, server: &Options) -> Result<FormatOptions> {
        let (format, lines, tabs) = match table.get("format").map(str::to_ascii_lowercase).as_deref() {
            None => (None, false, false),
            Some("csv") => (Some(Format::Csv), false, false),
            Some("tsv") => (Some(Format::Csv), false, true),
            Some("json") => (Some(Format::Json), false, false),
            Some("jsonl" | "ndjson") => (Some(Format::Json), true, false),
            Some("parquet") => (Some(Format::Parquet), false, false),
            Some(_) => {
                return Err(invalid("format", "is not a known format")
                    .with_hint("Use 'csv', 'tsv', 'json', 'jsonl', 'ndjson' or 'parquet'."));
            }
        };
        let compression = match table.get("compression").map(str::to_ascii_lowercase).as_deref() {
            None | Some("auto") => None,
            Some("none") => Some(Compression::None),
            Some("gzip" | "gz") => Some(Compression::Gzip),
            Some("zstd" | "zst") => Some(Compression::Zstd),
            Some(_) => {
                return Err(invalid("compression", "is not a known compression")
                    .with_hint("Use 'auto', 'none', 'gzip' or 'zstd'."));
            }
        };
        let zone = match table.get("timezone").or_else(|| server.get("timezone")) {
            None => None,
            Some(name) => Some(name.parse::<Tz>().map_err(|_| {
                invalid("timezone", "is not a known time zone")
                    .with_hint("Use a name such as 'Europe/Berlin' or 'UTC'.")
            })?),
        };
        let delimiter = byte(table, "delimiter")?.flatten();
        let quote = byte(table, "quote")?.unwrap_or(Some(b'"'));
        if delimiter.is_some() && delimiter == quote {
            return Err(invalid("delimiter", "is the quote too"));
        }
        let infer_rows = table.parsed("infer_rows", 1000usize)?;
        if infer_rows == 0 {
            return Err(invalid("infer_rows", "must be at least 1"));
        }
        Ok(FormatOptions {
            format,
            lines,
            tabs,
            delimiter,
            quote,
            escape: byte(table, "escape")?.flatten(),
            comment: byte(table, "comment")?.flatten(),
            compression,
            header: table.flag("header", true)?,
            null: table.get("null").unwrap_or_default().to_string(),
            encoding: table.get("encoding").map_or(Ok(Encoding::Utf8), Encoding::parse)?,
            zone,
            infer_rows,
            partitions: table.get("partitions").map(|list| {
                list.split(',').map(|name| name.trim().to_string()).filter(|name| !name.is_empty()).collect()
            }),
        })
    }

    /// The format that the options name, if they do.
    pub fn named(&self) -> Option<Format> {
        self.format
    }

    /// The format of all these files: the option's, else what their extensions say.
    pub fn format_of<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> Result<Format> {
        if let Some(format) = self.format {
            return Ok(format);
        }
        let mut found: Option<(Format, &str)> = None;
        for name in names {
            match (hint(name).format, found) {
                (Some(format), None) => found = Some((format, name)),
                (Some(format), Some((other, _))) if format == other => {}
                (Some(_), Some((_, first))) => {
                    return Err(Error::new(
                        SqlState::FDW_INVALID_ATTRIBUTE_VALUE,
                        format!("files \"{first}\" and \"{name}\" have different formats"),
                    )
                    .with_hint("Narrow the path, for example to '*.csv', or set the option format."));
                }
                (None, _) => {
                    return Err(Error::new(
                        SqlState::FDW_INVALID_ATTRIBUTE_VALUE,
                        format!("the format of file \"{name}\" cannot be told from its name"),
                    )
                    .with_hint("Set the option format to 'csv', 'json' or 'parquet'."));
                }
            }
        }
        found.map(|(format, _)| format).ok_or_else(|| Error::internal("no files to tell a format from"))
    }

    /// How a CSV file of this name separates and quotes.
    pub fn dialect(&self, name: &str) -> Dialect {
        let tabs = self.tabs || (self.format.is_none() && hint(name).tabs);
        Dialect {
            delimiter: self.delimiter.unwrap_or(if tabs { b'\t' } else { b',' }),
            quote: self.quote,
            escape: self.escape,
            comment: self.comment,
        }
    }

    /// Whether a JSON file of this name holds one object a line.
    pub fn lines(&self, name: &str) -> bool {
        self.lines || (self.format.is_none() && hint(name).lines)
    }

    /// How a file of this name is compressed.
    pub fn compression(&self, name: &str) -> Compression {
        self.compression.unwrap_or_else(|| hint(name).compression)
    }
}

/// An option that is one byte: none when it is left out, none within when it is empty.
fn byte(options: &Options, name: &str) -> Result<Option<Option<u8>>> {
    let Some(value) = options.get(name) else { return Ok(None) };
    let value: Cow<'_, str> =
        if value == "\\t" || value.eq_ignore_ascii_case("tab") { "\t".into() } else { value.into() };
    match value.as_bytes() {
        [] => Ok(Some(None)),
        [byte] if byte.is_ascii() && !matches!(byte, b'\n' | b'\r') => Ok(Some(Some(*byte))),
        _ => Err(invalid(name, "must be a single one-byte character")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_formats() {
        assert_eq!(hint("x/A.CSV.gz").format, Some(Format::Csv));
        assert_eq!(hint("a.csv.gz").compression, Compression::Gzip);
        assert!(hint("a.ndjson").lines);
        assert_eq!(hint("a.gz").format, None);
        assert_eq!(stem("a.b.csv.zst"), "a.b");
        assert_eq!(stem("part-0"), "part-0");
    }

    #[test]
    fn options_are_checked() {
        let read = |pairs: &[(&str, &str)]| FormatOptions::new(&pairs.iter().copied().collect(), &Options::new());
        assert!(read(&[("format", "xlsx")]).is_err());
        assert!(read(&[("delimiter", ";;")]).is_err());
        assert!(read(&[("timezone", "Nowhere")]).is_err());
        assert_eq!(read(&[("encoding", "gb18030")]).unwrap_err().state(), SqlState::FEATURE_NOT_SUPPORTED);
        let options = read(&[("delimiter", "\\t"), ("quote", "")]).unwrap();
        assert_eq!(options.dialect("a.csv").delimiter, b'\t');
        assert_eq!(options.dialect("a.csv").quote, None);
        let plain = read(&[]).unwrap();
        assert_eq!(plain.dialect("a.tsv").delimiter, b'\t');
        assert!(plain.format_of(["a.csv", "b.json"]).is_err());
        assert_eq!(plain.format_of(["a.csv", "b.csv.gz"]).unwrap(), Format::Csv);
    }

    #[test]
    fn encodings_become_utf8() {
        let bytes = Bytes::from_static(&[b'a', 0x80, 0xE4]);
        assert_eq!(Encoding::Windows1252.to_utf8(bytes.clone()), Bytes::from("a\u{20AC}ä"));
        assert_eq!(Encoding::Latin1.to_utf8(bytes), Bytes::from("a\u{80}ä"));
    }
}
