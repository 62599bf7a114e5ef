//! What ends: the time of each part of a cursor's rows, what is computed for nobody any more, and room.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::super::support::onerow::Onerow;
use super::super::support::wire::{rows, value};
use super::super::support::{Fixtures, Outcome, Project, block_on};
use super::raw::{Wire, state, zero_ended};

const TIMED_OUT: &str = "canceling statement due to statement timeout";

/// `statement_timeout` is for each FETCH, as it is set then, and does not run between them.
pub fn fetches(fixtures: &Fixtures) -> Outcome {
    let _alone = fixtures.heavy();
    let project = Project::new("");
    let onerow = project.serve();
    let by_statements: Outcome = block_on(async {
        let client = onerow.client().await;
        for kind in ["", "SCROLL ", "NO SCROLL "] {
            rows(&client, "BEGIN; SET LOCAL statement_timeout = '1s'").await?;
            let query = "SELECT n FROM generate_series(1, 3000000) AS g(n)";
            rows(&client, &format!("DECLARE c {kind}CURSOR FOR {query}")).await?;
            for wanted in ["1", "2", "3"] {
                same!(value(&client, "FETCH 1 FROM c").await?, wanted, "{kind}");
                tokio::time::sleep(Duration::from_millis(600)).await;
            }
            same!(value(&client, "MOVE 2000000 FROM c; FETCH 1 FROM c").await?, "2000004", "{kind}");
            rows(&client, "COMMIT").await?;

            // Not even DECLARE knew of the time that the FETCH has.
            let long = "SELECT count(*) FROM generate_series(1, 100000) a(n), generate_series(1, 100000) b(n) \
                        WHERE a.n <> b.n";
            rows(&client, &format!("BEGIN; DECLARE c {kind}CURSOR FOR {long}; SET statement_timeout = '300ms'"))
                .await?;
            let began = Instant::now();
            let ended = rows(&client, "FETCH 1 FROM c").await.map_err(|f| (f.state, f.message));
            same!(ended, Err(("57014".to_string(), TIMED_OUT.to_string())), "{kind}");
            same!(began.elapsed() < Duration::from_secs(5), true, "{kind}: {:?}", began.elapsed());
            rows(&client, "ROLLBACK; SET statement_timeout = 0").await?;
        }
        // What COMMIT reads of a cursor that outlives it counts for COMMIT.
        let long =
            "SELECT count(*) FROM generate_series(1, 100000) a(n), generate_series(1, 100000) b(n) WHERE a.n <> b.n";
        rows(&client, &format!("BEGIN; DECLARE h CURSOR WITH HOLD FOR {long}; SET statement_timeout = '300ms'"))
            .await?;
        let ended = rows(&client, "COMMIT").await.map_err(|f| (f.state, f.message));
        same!(ended, Err(("57014".to_string(), TIMED_OUT.to_string())));
        Ok(())
    });
    by_statements?;
    portals(&onerow)
}

/// The same of the protocol's portals.
fn portals(onerow: &Onerow) -> Outcome {
    let mut wire = Wire::connect(onerow.port)?;
    wire.send(b'Q', &zero_ended(&["BEGIN; SET LOCAL statement_timeout = '1s'"]))?;
    wire.until_ready()?;
    let mut parse = zero_ended(&["", "SELECT n FROM generate_series(1, 3000000) AS g(n)"]);
    parse.extend([0, 0]);
    let mut bind = zero_ended(&["p", ""]);
    bind.extend([0, 0, 0, 0, 0, 0]);
    wire.send(b'P', &parse)?;
    wire.send(b'B', &bind)?;
    for _ in 0..4 {
        wire.send(b'E', &[b'p', 0, 0, 0, 0, 2])?;
        wire.send(b'S', &[])?;
        let answered = wire.until_ready()?;
        same!(state(&answered), None);
        same!(answered.iter().filter(|(kind, _)| *kind == b'D').count(), 2);
        std::thread::sleep(Duration::from_millis(400));
    }
    Ok(())
}

/// A statement that has ended leaves nothing behind that computes on, whatever it was doing: here joins of which no pair
/// meets the condition.
pub fn computing(fixtures: &Fixtures) -> Outcome {
    let _alone = fixtures.heavy();
    let project = Project::new("");
    let onerow = project.serve();
    let sides = "(SELECT n, n % 2 AS k FROM generate_series(1, 100000) AS g(n)) AS a \
                 {join} (SELECT n, n % 2 AS k FROM generate_series(1, 100000) AS g(n)) AS b ON {on}";
    let far = "levenshtein(a.n::text, b.n::text) > 50";
    let joins =
        [("JOIN", ""), ("JOIN", "a.k = b.k AND "), ("LEFT JOIN", "a.k = b.k AND "), ("FULL JOIN", "a.k = b.k AND ")];
    block_on(async {
        let client = onerow.client().await;
        rows(&client, "SET statement_timeout = '500ms'").await?;
        for (join, key) in joins {
            let sql =
                format!("SELECT count(*) FROM {sides}").replace("{join}", join).replace("{on}", &format!("{key}{far}"));
            let began = Instant::now();
            let ended = rows(&client, &sql).await.map(|_| ()).map_err(|f| f.message);
            same!(ended, Err(TIMED_OUT.to_string()), "{sql}");
            same!(began.elapsed() < Duration::from_secs(5), true, "{sql}: {:?}", began.elapsed());
        }
        let twos = "(SELECT n % 2 AS k FROM generate_series(1, 200000) AS g(n))";
        for word in ["EXISTS", "NOT EXISTS"] {
            let sql =
                format!("SELECT count(*) FROM {twos} AS a WHERE {word} (SELECT 1 FROM {twos} AS b WHERE b.k = a.k)");
            // It may be done in time.
            let ended = rows(&client, &sql).await.map(|_| ()).map_err(|f| f.message);
            same!(ended.is_ok() || ended == Err(TIMED_OUT.to_string()), true, "{sql}: {ended:?}");
        }
        // A cursor that is closed computes no more either.
        let sql = format!("SELECT a.n FROM {sides}")
            .replace("{join}", "JOIN")
            .replace("{on}", &format!("a.n = 1 AND b.n = 1 OR {far}"));
        rows(&client, &format!("BEGIN; SET LOCAL statement_timeout = 0; DECLARE c CURSOR FOR {sql}; CLOSE c; COMMIT"))
            .await?;
        // It is given the time to come to the next look.
        let end = Instant::now() + Duration::from_secs(30);
        loop {
            let before = onerow.ticks();
            tokio::time::sleep(Duration::from_secs(1)).await;
            let took = onerow.ticks() - before;
            if took < 20 {
                return Ok(());
            }
            same!(Instant::now() < end, true, "{took} ticks of a second with nothing to do");
        }
    })
}

/// Whoever has not logged in after a minute is gone, however much of a login was said.
pub fn logins(_: &Fixtures) -> Outcome {
    let project = Project::new("");
    let onerow = project.serve_with(&[], &[("ONEROW_PASSWORD", "pencil")]);
    let mut startup = vec![0, 3, 0, 0];
    startup.extend(zero_ended(&["user", "onerow", ""]));
    let length = i32::try_from(startup.len() + 4).unwrap_or_default().to_be_bytes();
    let whole = [length.to_vec(), startup].concat();
    // Nothing, half of the first message, and all that comes before the password.
    let waiting: Vec<_> = [vec![], whole[..9].to_vec(), whole]
        .into_iter()
        .map(|said| {
            let port = onerow.port;
            std::thread::spawn(move || -> std::io::Result<Duration> {
                let began = Instant::now();
                let mut socket = TcpStream::connect(("127.0.0.1", port))?;
                socket.set_read_timeout(Some(Duration::from_secs(100)))?;
                socket.write_all(&said)?;
                let mut heard = [0; 1024];
                // A reset is an end too.
                while let Ok(1..) = socket.read(&mut heard) {}
                Ok(began.elapsed())
            })
        })
        .collect();
    for waited in waiting {
        let took = waited.join().map_err(|_| "a client failed")??;
        same!((55..90).contains(&took.as_secs()), true, "{took:?}");
    }
    Ok(())
}

/// A large value that is the same for every row is not there once for each.
pub fn large_values(fixtures: &Fixtures) -> Outcome {
    let _alone = fixtures.heavy();
    let project = Project::new("");
    let onerow = project.serve();
    let array = "(SELECT array_agg(n ORDER BY n) FROM generate_series(1, 1000000) AS g(n))";
    let rows_of = "(SELECT n FROM generate_series(1, 200) AS g(n)) AS t";
    block_on(async {
        let client = onerow.client().await;
        for (sql, wanted) in [
            (format!("SELECT sum({array}[n]) FROM {rows_of}"), "20100"),
            (
                format!(
                    "SELECT count(*) FROM {rows_of} WHERE n = ANY (ARRAY(SELECT 2 * n FROM generate_series(1, 1000000) AS g(n)))"
                ),
                "100",
            ),
            (format!("SELECT count(*) FROM {rows_of} WHERE {array} @> ARRAY[n]"), "200"),
            (format!("SELECT sum(cardinality(array_cat({array}, ARRAY[n]))) FROM {rows_of}"), "200000200"),
            (format!("SELECT count(*) FROM {rows_of} JOIN {rows_of}2 ON t.n + t2.n = ({array})[1] + 1"), "1"),
            (
                format!(
                    "SELECT max((SELECT string_agg(n::text, '') FROM generate_series(1, 100000) AS g(n)) || n) IS NULL FROM {rows_of}"
                ),
                "f",
            ),
        ] {
            same!(value(&client, &sql).await?, wanted, "{sql}");
        }
        let most = onerow.memory("VmHWM");
        // Repeated for every row they would take sixty gigabytes.
        same!(most < 2_000 << 20, true, "{} MiB", most >> 20);
        Ok(())
    })
}
