//! Conversations that no client should have, before and after the login.

use super::super::super::support::{Fixtures, Onerow, Outcome, Project};
use super::super::raw::{Wire, zero_ended};
use super::corpus::{Search, is_well, kept};

fn packet(body: &[u8]) -> Vec<u8> {
    [&(body.len() as i32 + 4).to_be_bytes()[..], body].concat()
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[kind][..], &packet(body)].concat()
}

/// Says all of it and hears what the server says to it. A server that is silent is an error.
fn converse(onerow: &Onerow, logged_in: bool, bytes: &[u8]) -> Result<(), String> {
    let connected = if logged_in { Wire::connect(onerow.port) } else { Wire::open(onerow.port) };
    let mut wire = connected.map_err(|error| error.to_string())?;
    // A server that has heard enough may hang up before it has read all.
    let _ = wire.bytes(bytes);
    wire.finish().map(|_| ()).map_err(|error| format!("silence ({error})"))
}

/// Mutated conversations, before and after the login.
pub fn messages(_: &Fixtures) -> Outcome {
    let project = Project::new("CREATE TABLE t (a int, b text);");
    let onerow = project.serve();
    let login = packet(&[&196_608i32.to_be_bytes()[..], b"user\0onerow\0database\0onerow\0\0"].concat());
    let cancel = packet(&[&80_877_102i32.to_be_bytes()[..], &[0; 8]].concat());
    let tls = packet(&80_877_103i32.to_be_bytes());
    let bind = [zero_ended(&["", "s"]), vec![0, 0, 0, 1, 0, 0, 0, 1, b'7', 0, 0]].concat();
    let extended = [
        message(b'P', &[zero_ended(&["s", "SELECT $1::int + 1"]), vec![0, 1, 0, 0, 0, 23]].concat()),
        message(b'B', &bind),
        message(b'D', b"P\0"),
        message(b'E', &[zero_ended(&[""]), vec![0, 0, 0, 0]].concat()),
        message(b'C', b"Ss\0"),
        message(b'S', b""),
        message(b'Q', &zero_ended(&["SELECT 'a', NULL"])),
    ]
    .concat();
    let binary =
        [&b"PGCOPY\n\xFF\r\n\0\0\0\0\0\0\0\0\0"[..], b"\0\x02\0\0\0\x04\0\0\0\x01\0\0\0\x01x\xFF\xFF"].concat();
    let copies = [
        message(b'Q', &zero_ended(&["COPY t FROM STDIN"])),
        message(b'd', b"1\ta\\x41\\101\\n\n2\t\\N\n\\.\n"),
        message(b'c', b""),
        message(b'Q', &zero_ended(&["COPY t (b, a) FROM STDIN (FORMAT csv, HEADER, NULL 'x')"])),
        message(b'd', b"b,a\r\n\"a\"\"\r\n"),
        message(b'd', b"b\",1\r\nx,x\r\n"),
        message(b'c', b""),
        message(b'Q', &zero_ended(&["COPY t FROM STDIN BINARY"])),
        message(b'd', &binary),
        message(b'f', b"no\0"),
        message(b'Q', &zero_ended(&["COPY (SELECT * FROM t LIMIT 3) TO STDOUT (FORMAT csv, FORCE_QUOTE *)"])),
    ]
    .concat();
    let conversations = [("startup", false), ("messages", true)];
    for (of, logged_in) in conversations {
        for (name, bytes) in kept(of)? {
            converse(&onerow, logged_in, &bytes).map_err(|error| format!("{of}/{name}: {error}"))?;
        }
    }
    is_well(&onerow)?;
    for (of, logged_in) in conversations {
        let mut search = Search::new(of, 160, 1);
        let mut round = 0;
        while search.goes_on(round) {
            let mut sent = match (logged_in, search.dice.below(5)) {
                (false, 0 | 1) => search.dice.pick(&[login.clone(), cancel.clone(), tls.clone()]).clone(),
                (false, _) => [login.clone(), extended.clone()].concat(),
                (true, 0 | 1) => copies.clone(),
                (true, _) => extended.clone(),
            };
            search.dice.mutate(&mut sent);
            if let Err(error) = converse(&onerow, logged_in, &sent) {
                search.keep(&sent);
                return Err(format!("{of}, round {round}: {error} after {sent:?}").into());
            }
            search.tried(&onerow, sent)?;
            round += 1;
        }
        search.look(&onerow)?;
    }
    is_well(&onerow)
}
