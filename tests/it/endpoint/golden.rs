//! Every value of tests/golden/postgres.tsv, which PostgreSQL has made: byte for byte what it sends, as text and in
//! binary, and as parameters.

use super::super::support::onerow::Onerow;
use super::super::support::{Fixtures, Outcome, Project};
use super::raw::{Message, Wire, state, zero_ended};

const GOLDEN: &str = include_str!("../../golden/postgres.tsv");

/// One line: what is asked, and what PostgreSQL sends.
struct Value {
    zone: String,
    kind: String,
    value: Option<String>,
    oid: u32,
    text: Option<Vec<u8>>,
    binary: Option<Vec<u8>>,
}

impl Value {
    /// As a value of a statement.
    fn expression(&self) -> String {
        match &self.value {
            _ if self.kind.starts_with('(') => self.kind.clone(),
            None => format!("CAST(NULL AS {})", self.kind),
            Some(value) => format!("CAST('{}' AS {})", value.replace('\'', "''"), self.kind),
        }
    }
}

/// A field of COPY's text format.
fn field(text: &str) -> Option<String> {
    if text == "\\N" {
        return None;
    }
    let mut out = String::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        out.push(match character {
            '\\' => match characters.next() {
                Some('n') => '\n',
                Some('t') => '\t',
                Some(other) => other,
                None => '\\',
            },
            other => other,
        });
    }
    Some(out)
}

fn values() -> Result<Vec<Value>, String> {
    GOLDEN
        .lines()
        .map(|line| {
            let fields: Vec<Option<String>> = line.split('\t').map(field).collect();
            let [Some(zone), Some(kind), value, Some(oid), text, binary] = fields.as_slice() else {
                return Err(format!("not six fields: {line}"));
            };
            let bytes = |hex: &String| {
                let pairs = hex.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap_or_default());
                pairs.map(|pair| u8::from_str_radix(pair, 16).unwrap_or_default()).collect::<Vec<u8>>()
            };
            Ok(Value {
                zone: zone.clone(),
                kind: kind.clone(),
                value: value.clone(),
                oid: oid.parse().map_err(|_| format!("no OID: {line}"))?,
                text: text.as_ref().map(|text| text.clone().into_bytes()),
                binary: binary.as_ref().map(bytes),
            })
        })
        .collect()
}

/// The type and the one value of an answer, or the SQLSTATE of its error.
fn shown(messages: &[Message]) -> String {
    if let Some(state) = state(messages) {
        return state;
    }
    let body = |kind: u8| messages.iter().find(|(found, _)| *found == kind).map(|(_, body)| body.as_slice());
    let number = |bytes: Option<&[u8]>| bytes.and_then(|b| b.try_into().ok()).map_or(0, i32::from_be_bytes);
    let (Some(columns), Some(row)) = (body(b'T'), body(b'D')) else { return "no row".to_string() };
    // The name ends with a zero; a table's OID and a column's number follow.
    let name = columns.iter().skip(2).position(|byte| *byte == 0).unwrap_or_default();
    let oid = number(columns.get(name + 9..name + 13));
    match number(row.get(2..6)) {
        -1 => format!("{oid} NULL"),
        _ => format!("{oid} {:?}", String::from_utf8_lossy(row.get(6..).unwrap_or_default())) + &hex(row.get(6..)),
    }
}

fn hex(bytes: Option<&[u8]>) -> String {
    format!(" {:02x?}", bytes.unwrap_or_default())
}

/// What `shown` is to say.
fn wanted(oid: u32, value: Option<&Vec<u8>>) -> String {
    match value {
        None => format!("{oid} NULL"),
        Some(bytes) => format!("{oid} {:?}", String::from_utf8_lossy(bytes)) + &hex(Some(bytes)),
    }
}

/// Asks in the extended protocol, with a parameter perhaps: its type, its format and its value.
fn extended(
    wire: &mut Wire,
    sql: &str,
    parameter: Option<(u32, u8, Option<&Vec<u8>>)>,
    format: u8,
) -> Result<String, std::io::Error> {
    let mut parse = zero_ended(&["", sql]);
    let mut bind = zero_ended(&["", ""]);
    match parameter {
        None => {
            parse.extend([0, 0]);
            bind.extend([0, 0, 0, 0]);
        }
        Some((oid, format, value)) => {
            parse.extend([0, 1]);
            parse.extend(oid.to_be_bytes());
            bind.extend([0, 1, 0, format, 0, 1]);
            match value {
                None => bind.extend((-1i32).to_be_bytes()),
                Some(bytes) => {
                    bind.extend((bytes.len() as i32).to_be_bytes());
                    bind.extend(bytes);
                }
            }
        }
    }
    bind.extend([0, 1, 0, format]);
    wire.send(b'P', &parse)?;
    wire.send(b'B', &bind)?;
    wire.send(b'D', b"P\0")?;
    wire.send(b'E', &[0, 0, 0, 0, 0])?;
    wire.send(b'S', &[])?;
    Ok(shown(&wire.until_ready()?))
}

pub fn values_are_sent_as_postgres_does(_: &Fixtures) -> Outcome {
    let project = Project::new("");
    let onerow = project.serve();
    let mut wire = Wire::connect(onerow.port)?;
    let (mut zone, mut differing, mut count) = (String::new(), vec![], 0);
    for value in values()? {
        if value.zone != zone {
            zone.clone_from(&value.zone);
            wire.send(b'Q', &zero_ended(&[&format!("SET TimeZone = '{zone}'")]))?;
            wire.until_ready()?;
        }
        let sql = format!("SELECT {} AS v", value.expression());
        let (text, binary) = (wanted(value.oid, value.text.as_ref()), wanted(value.oid, value.binary.as_ref()));
        wire.send(b'Q', &zero_ended(&[&sql]))?;
        let mut answers = vec![
            ("simple", shown(&wire.until_ready()?), &text),
            ("text", extended(&mut wire, &sql, None, 0)?, &text),
            ("binary", extended(&mut wire, &sql, None, 1)?, &binary),
        ];
        // A character without a length is shown without the blanks that fill it: docs/differences.md.
        if !value.kind.starts_with('(') && !value.kind.starts_with("bpchar") {
            let cast = format!("SELECT $1::{} AS v", value.kind);
            let sent = |binary: bool| match binary {
                true => Some((value.oid, 1, value.binary.as_ref())),
                false => Some((value.oid, 0, value.text.as_ref())),
            };
            answers.extend([
                ("parameter, binary to text", extended(&mut wire, "SELECT $1 AS v", sent(true), 0)?, &text),
                ("parameter, text to binary", extended(&mut wire, "SELECT $1 AS v", sent(false), 1)?, &binary),
                ("parameter, binary, cast", extended(&mut wire, &cast, sent(true), 1)?, &binary),
            ]);
        }
        for (how, here, there) in answers {
            count += 1;
            if here != *there {
                differing.push(format!("{zone}, {how}: {sql}\n    here:       {here}\n    PostgreSQL: {there}"));
            }
        }
    }
    same!(count > 1_000, true, "{count} values");
    same!(differing.len(), 0, "{}", differing.join("\n"));
    Ok(())
}

/// Enums of a source come as text.
pub fn enums_are_text(fixtures: &Fixtures) -> Outcome {
    let postgres = fixtures.postgres();
    postgres.sql(
        "CREATE SCHEMA golden; CREATE TYPE golden.mood AS ENUM ('sad', 'İyi \"o\"', '');
         CREATE TABLE golden.t (id int, m golden.mood);
         INSERT INTO golden.t VALUES (1, 'İyi \"o\"'), (2, ''), (3, NULL)",
    );
    let project = Project::new(&format!(
        "{} IMPORT FOREIGN SCHEMA golden FROM SERVER pg INTO golden;",
        postgres.declared_with("pg", "")
    ));
    let onerow: Onerow = project.serve();
    let mut wire = Wire::connect(onerow.port)?;
    for (id, value) in [(1, Some("İyi \"o\"")), (2, Some("")), (3, None)] {
        let bytes = value.map(|value| value.as_bytes().to_vec());
        for format in [0, 1] {
            let sql = format!("SELECT m FROM golden.t WHERE id = {id}");
            same!(extended(&mut wire, &sql, None, format)?, wanted(25, bytes.as_ref()), "{id} in format {format}");
        }
    }
    Ok(())
}
