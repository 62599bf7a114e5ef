//! Parameters that are none.

use super::super::super::support::{Fixtures, Outcome, Project};
use super::super::raw::{Wire, is_silence, state, zero_ended};
use super::corpus::is_well;

/// Values that lie about their length, nest too deeply, or are none.
pub fn parameters(_: &Fixtures) -> Outcome {
    let project = Project::new("");
    let onerow = project.serve();
    let array = |dimensions: i32, count: i32, rest: &[u8]| {
        let head = [dimensions, 0, 23, count, 1].into_iter().flat_map(i32::to_be_bytes).collect::<Vec<u8>>();
        [head, rest.to_vec()].concat()
    };
    let numeric = |words: &[u16]| words.iter().flat_map(|word| word.to_be_bytes()).collect::<Vec<u8>>();
    let deep = format!("{}1{}", "[".repeat(200_000), "]".repeat(200_000));
    // The type, whether it is binary, and the value.
    let hostile: Vec<(&str, bool, Vec<u8>)> = vec![
        ("int[]", true, array(1, -1, &[])),
        ("int[]", true, array(1, i32::MAX, &[])),
        ("int[]", true, array(-1, 1, &[])),
        ("int[]", true, array(7, 1, &[])),
        ("int[]", true, array(1, 1, &[0x7f, 0xff, 0xff, 0xff])),
        ("int[]", true, array(1, 1, &[0, 0, 0, 2, 0, 0])),
        ("int[]", true, vec![]),
        ("int[]", false, b"{{{{{{{1}}}}}}}".to_vec()),
        ("int[]", false, b"{".repeat(100_000)),
        ("text[]", false, b"{\"a".to_vec()),
        ("json", false, deep.clone().into_bytes()),
        ("jsonb", false, deep.clone().into_bytes()),
        ("jsonb", true, [b"\x01".to_vec(), deep.into_bytes()].concat()),
        ("jsonb", true, vec![2, b'1']),
        ("numeric", true, numeric(&[0xffff, 0, 0, 0])),
        ("numeric", true, numeric(&[1, 0x7fff, 0, 0, 9_999])),
        ("numeric", true, numeric(&[1, 0x8000, 0, 0, 9_999])),
        ("numeric", true, numeric(&[1, 0, 0, 0xffff, 60_000])),
        ("numeric", false, b"1e999999999999".to_vec()),
        ("numeric", false, b"1e-2147483648".to_vec()),
        ("timestamp", true, i64::MAX.to_be_bytes().to_vec()),
        ("timestamp", true, i64::MIN.to_be_bytes().to_vec()),
        ("timestamptz", true, (i64::MAX - 1).to_be_bytes().to_vec()),
        ("date", true, i32::MAX.to_be_bytes().to_vec()),
        ("date", true, i32::MIN.to_be_bytes().to_vec()),
        ("time", true, i64::MIN.to_be_bytes().to_vec()),
        ("interval", true, [0x7f; 16].to_vec()),
        ("interval", false, b"99999999999999999999 years".to_vec()),
        ("timestamp", false, b"294277-01-01".to_vec()),
        ("uuid", true, vec![0; 15]),
        ("bool", true, vec![2]),
        ("text", false, vec![0xff, 0xfe]),
        ("bytea", false, b"\\xabc".to_vec()),
        ("int", true, vec![0; 3]),
    ];
    let mut wire = Wire::connect(onerow.port)?;
    for (kind, binary, value) in hostile {
        wire.send(b'P', &[zero_ended(&["", &format!("SELECT $1::{kind}")]), vec![0, 0]].concat())?;
        let bind = [
            zero_ended(&["", ""]),
            vec![0, 1, 0, u8::from(binary), 0, 1],
            (value.len() as i32).to_be_bytes().to_vec(),
            value.clone(),
            vec![0, 0],
        ];
        wire.send(b'B', &bind.concat())?;
        wire.send(b'E', &[zero_ended(&[""]), vec![0, 0, 0, 0]].concat())?;
        wire.send(b'S', &[])?;
        let shown = value.get(..value.len().min(20)).unwrap_or_default();
        let answer = wire.until_ready().map_err(|error| format!("{error} after {kind} {shown:?}"))?;
        let state = state(&answer).unwrap_or_default();
        same!(state.starts_with("XX"), false, "{kind} {shown:?}: {state}");
    }
    // A length that is negative but not that of null, and one beyond the message.
    for length in [i32::MIN, -2, i32::MAX] {
        let mut wire = Wire::connect(onerow.port)?;
        wire.send(b'P', &[zero_ended(&["", "SELECT $1::int"]), vec![0, 0]].concat())?;
        let head = [zero_ended(&["", ""]), vec![0, 0, 0, 1]].concat();
        wire.send(b'B', &[head, length.to_be_bytes().to_vec(), vec![0, 0]].concat())?;
        wire.send(b'S', &[])?;
        let said = wire.finish();
        same!(said.as_ref().is_err_and(is_silence), false, "length {length}");
    }
    is_well(&onerow)
}
