//! What belongs to one session, and what to all.

use super::super::support::wire::{Fault, rows, value};
use super::super::support::{Fixtures, Outcome, Project, block_on};
use super::raw::{Message, Wire, state, tags, zero_ended};

pub fn separate(_: &Fixtures) -> Outcome {
    let project = Project::new("CREATE VIEW s1.v AS SELECT 'one' AS x; CREATE VIEW s2.v AS SELECT 'two' AS x;");
    let onerow = project.serve();
    block_on(async {
        let (one, two) = (onerow.client().await, onerow.client().await);
        rows(&one, "SET TimeZone = 'Asia/Shanghai'; SET application_name = 'one'; SET search_path = s1").await?;
        rows(&two, "SET search_path = s2, public; SET statement_timeout = '10s'").await?;
        for (client, expected) in [
            (&one, ["Asia/Shanghai", "one", "0", "one", "2024-01-01 08:00:00+08"]),
            (&two, ["UTC", "", "10s", "two", "2024-01-01 00:00:00+00"]),
        ] {
            for (sql, expected) in [
                "SHOW TimeZone",
                "SHOW application_name",
                "SHOW statement_timeout",
                "SELECT x FROM v",
                "SELECT timestamptz '2024-01-01 00:00:00+00'",
            ]
            .iter()
            .zip(expected)
            {
                same!(value(client, sql).await?, expected, "{sql}");
            }
        }
        // A transaction of one is none of the other, nor is its failure.
        rows(&one, "BEGIN").await?;
        same!(rows(&one, "SELECT nope").await.map_err(|f| f.state), Err("42703".to_string()));
        same!(value(&two, "SELECT 1").await?, "1");
        same!(rows(&one, "SELECT 1").await.map_err(|f| f.state), Err("25P02".to_string()));
        rows(&one, "ROLLBACK; RESET ALL").await?;
        same!(value(&one, "SHOW TimeZone").await?, "UTC");
        // What a client asks for when it connects is what RESET puts back.
        let mut config = onerow.config();
        config.options("-c TimeZone=Europe/Berlin -c search_path=s2").application_name("asked");
        let asked = super::super::support::onerow::connect(&config).await?;
        rows(&asked, "SET TimeZone = 'UTC'; SET application_name = 'other'; RESET ALL").await?;
        same!(value(&asked, "SHOW TimeZone").await?, "Europe/Berlin");
        same!(value(&asked, "SHOW application_name").await?, "asked");
        same!(value(&asked, "SELECT x FROM v").await?, "two");
        Ok(())
    })
}

pub fn transactions(_: &Fixtures) -> Outcome {
    let project = Project::new("");
    let onerow = project.serve();
    block_on(async {
        let client = onerow.client().await;
        let show = "SHOW TimeZone";
        rows(&client, "BEGIN; SET TimeZone = 'Asia/Tokyo'; ROLLBACK").await?;
        same!(value(&client, show).await?, "UTC");
        rows(&client, "BEGIN; SET LOCAL TimeZone = 'Asia/Tokyo'").await?;
        same!(value(&client, show).await?, "Asia/Tokyo");
        rows(&client, "COMMIT").await?;
        same!(value(&client, show).await?, "UTC");
        rows(&client, "BEGIN; SET TimeZone = 'Asia/Tokyo'; COMMIT").await?;
        same!(value(&client, show).await?, "Asia/Tokyo");
        rows(&client, "DISCARD ALL").await?;
        same!(value(&client, show).await?, "UTC");
        same!(value(&client, "SELECT current_setting('TimeZone')").await?, "UTC");
        Ok(())
    })
}

/// Where a connection is from, and that it is not encrypted; columns of the catalog that have one name.
pub fn addresses(_: &Fixtures) -> Outcome {
    let project = Project::new("");
    let onerow = project.serve();
    let port = onerow.port;
    same!(
        onerow.sql("SELECT inet_client_addr(), inet_server_addr(), inet_server_port(), inet_client_port() > 0")?,
        format!("127.0.0.1|127.0.0.1|{port}|t")
    );
    same!(onerow.sql("SELECT ssl, version IS NULL FROM pg_stat_ssl WHERE pid = pg_backend_pid()")?, "f|t");
    block_on(async {
        let client = onerow.client().await;
        for (sql, names) in [
            ("SELECT relname, relname FROM pg_class", ["relname", "relname"]),
            ("SELECT count(*), count(relname) FROM pg_class", ["count", "count"]),
            ("SELECT pg_typeof(1), pg_typeof(2)", ["pg_typeof", "pg_typeof"]),
            ("SELECT * FROM (SELECT oid, oid FROM pg_class) c", ["oid", "oid"]),
        ] {
            let statement = client.prepare(sql).await?;
            let told: Vec<&str> = statement.columns().iter().map(|column| column.name()).collect();
            same!(told, names, "{sql}");
        }
        Ok(())
    })
}

pub fn identity(_: &Fixtures) -> Outcome {
    let project = Project::new("");
    let onerow = project.serve();
    let about = onerow.sql("SELECT version()")?;
    holds!(about, "PostgreSQL 15");
    let number: u32 = onerow.sql("SHOW server_version_num")?.parse()?;
    same!(number / 10_000, 15);
    same!(onerow.sql("SHOW server_version")?.starts_with("15"), true);
    same!(
        onerow.sql("SELECT current_database(), current_user, session_user, current_schema()")?,
        "onerow|onerow|onerow|public"
    );
    for (setting, value) in [
        ("server_encoding", "UTF8"),
        ("client_encoding", "UTF8"),
        ("standard_conforming_strings", "on"),
        ("integer_datetimes", "on"),
        ("DateStyle", "ISO, MDY"),
        ("IntervalStyle", "postgres"),
        ("lc_collate", "C"),
        ("max_identifier_length", "63"),
        ("transaction_isolation", "read committed"),
        ("search_path", "public"),
    ] {
        let shown = onerow.sql(&format!("SHOW {setting}"))?;
        same!(shown.replace("\"$user\", ", ""), value, "{setting}");
    }
    // A listener on loopback lets any name in as the owner.
    block_on(async {
        let mut config = onerow.config();
        config.user("somebody");
        let client = super::super::support::onerow::connect(&config).await?;
        same!(value(&client, "SELECT current_user").await?, "onerow");
        Ok(())
    })
}

pub fn catalog(_: &Fixtures) -> Outcome {
    let project = Project::new("");
    let onerow = project.serve();
    block_on(async {
        let (one, two) = (onerow.client().await, onerow.client().await);
        rows(&one, "CREATE VIEW v AS SELECT 1::integer AS n").await?;
        let statement = two.prepare("SELECT n FROM v").await.map_err(Fault::from)?;
        same!(two.query_one(&statement, &[]).await.map_err(Fault::from)?.get::<_, i32>(0), 1);
        rows(&one, "CREATE OR REPLACE VIEW v AS SELECT 2::integer AS n").await?;
        same!(two.query_one(&statement, &[]).await.map_err(Fault::from)?.get::<_, i32>(0), 2);
        rows(&one, "DROP VIEW v").await?;
        same!(rows(&two, "SELECT n FROM v").await.map_err(|f| f.state), Err("42P01".to_string()));
        Ok(())
    })
}

/// What sessions tell each other, when it counts and when it is heard.
pub fn notifications(_: &Fixtures) -> Outcome {
    let project = Project::new("");
    let onerow = project.serve();
    let (mut hears, mut says) = (Wire::connect(onerow.port)?, Wire::connect(onerow.port)?);
    let ask = |wire: &mut Wire, sql: &str| -> Result<Vec<Message>, std::io::Error> {
        wire.send(b'Q', &zero_ended(&[sql]))?;
        wire.until_ready()
    };
    // Channel and payload, without the number of the session.
    let told = |message: &Message| match message {
        (b'A', body) => String::from_utf8_lossy(body.get(4..).unwrap_or_default()).replace('\0', "|"),
        (kind, _) => format!("a message {}", char::from(*kind)),
    };
    let heard =
        |messages: &[Message]| -> Vec<String> { messages.iter().filter(|(kind, _)| *kind == b'A').map(told).collect() };
    same!(tags(&ask(&mut hears, "LISTEN \"Café\"; LISTEN later; UNLISTEN later")?), ["LISTEN", "LISTEN", "UNLISTEN"]);
    same!(heard(&ask(&mut says, "NOTIFY \"Café\", 'it''s'; NOTIFY later; NOTIFY café")?), Vec::<String>::new());
    same!(told(&hears.message()?), "Café|it's|");
    // A block says it when it commits, each thing once, and nothing that was taken back.
    let block = "BEGIN; NOTIFY \"Café\"; NOTIFY \"Café\"; SAVEPOINT s; NOTIFY \"Café\", 'lost'; ROLLBACK TO s; \
                 NOTIFY \"Café\", 'kept'";
    ask(&mut says, block)?;
    same!(heard(&ask(&mut hears, "SELECT 1")?), Vec::<String>::new());
    ask(&mut says, "COMMIT")?;
    same!([told(&hears.message()?), told(&hears.message()?)], ["Café||", "Café|kept|"]);
    ask(&mut says, "BEGIN; NOTIFY \"Café\", 'rolled back'; ROLLBACK; BEGIN; NOTIFY \"Café\", 'failed'; SELECT nope")?;
    ask(&mut says, "COMMIT")?;
    // Who is in a block hears it afterwards.
    ask(&mut hears, "BEGIN")?;
    ask(&mut says, "NOTIFY \"Café\", 'waits'")?;
    same!(heard(&ask(&mut hears, "SELECT 1")?), Vec::<String>::new());
    same!(heard(&ask(&mut hears, "COMMIT")?), ["Café|waits|"]);
    // One hears oneself, before the next question.
    same!(heard(&ask(&mut hears, "NOTIFY \"Café\", 'self'")?), ["Café|self|"]);
    let long = ask(&mut says, &format!("NOTIFY a, '{}'", "x".repeat(8_000)))?;
    same!(state(&long), Some("22023".to_string()));
    let longest = ask(&mut says, &format!("NOTIFY a, '{}'", "x".repeat(7_999)))?;
    same!(state(&longest), None);
    for wrong in ["LISTEN", "UNLISTEN", "NOTIFY", "NOTIFY a,", "NOTIFY a, b", "LISTEN a.b"] {
        let answer = ask(&mut says, wrong)?;
        same!(state(&answer), Some("42601".to_string()), "{wrong}");
    }
    // The function says the same, in a block when that commits.
    ask(&mut says, "SELECT pg_notify('Café', 'by a function')")?;
    same!(told(&hears.message()?), "Café|by a function|");
    ask(&mut says, "BEGIN; SELECT pg_notify('Café', 'lost'); ROLLBACK; BEGIN; SELECT pg_notify('Café', NULL)")?;
    same!(heard(&ask(&mut hears, "SELECT 1")?), Vec::<String>::new());
    ask(&mut says, "COMMIT")?;
    same!(told(&hears.message()?), "Café||");
    for wrong in ["SELECT pg_notify('', 'a')".to_string(), format!("SELECT pg_notify('{}', '')", "c".repeat(64))] {
        let answer = ask(&mut says, &wrong)?;
        same!(state(&answer), Some("22023".to_string()), "{wrong}");
    }
    ask(&mut hears, "DISCARD ALL")?;
    ask(&mut says, "NOTIFY \"Café\"")?;
    same!(heard(&ask(&mut hears, "SELECT 1")?), Vec::<String>::new());
    Ok(())
}
