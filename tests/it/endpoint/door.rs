//! Who is let in by rules and certificates, how guesses are slowed down, and that silent clients keep nobody out.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use super::super::support::onerow::connect;
use super::super::support::process::{eventually, free_port, run};
use super::super::support::wire::{Fault, rows, value};
use super::super::support::{Fixtures, Onerow, Outcome, Project, block_on};

/// Certificates of an authority of its own: for the server, and for clients by name.
struct Certificates<'a>(&'a Path);

impl Certificates<'_> {
    fn new(folder: &Path) -> Certificates<'_> {
        let made = Certificates(folder);
        made.openssl(&[
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-days",
            "2",
            "-subj",
            "/CN=Test authority",
            "-keyout",
            "ca.key",
            "-out",
            "ca.crt",
        ]);
        made
    }

    fn openssl(&self, arguments: &[&str]) {
        run(Command::new("openssl").args(arguments).current_dir(self.0));
    }

    /// `NAME.crt` and `NAME.key`.
    fn make(&self, file: &str, name: &str) {
        let (key, request, certificate) = (format!("{file}.key"), format!("{file}.csr"), format!("{file}.crt"));
        let subject = format!("/O=Company/CN={name}");
        self.openssl(&[
            "req",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-utf8",
            "-subj",
            &subject,
            "-keyout",
            &key,
            "-out",
            &request,
        ]);
        let extensions = self.0.join("san.ext");
        let _ = std::fs::write(&extensions, "subjectAltName=DNS:localhost,IP:127.0.0.1\n");
        self.openssl(&[
            "x509",
            "-req",
            "-days",
            "2",
            "-CA",
            "ca.crt",
            "-CAkey",
            "ca.key",
            "-CAcreateserial",
            "-in",
            &request,
            "-extfile",
            "san.ext",
            "-out",
            &certificate,
        ]);
        run(Command::new("chmod").arg("600").arg(self.0.join(key)));
    }

    fn path(&self, file: &str) -> String {
        self.0.join(file).display().to_string()
    }
}

/// psql with a connection string: what it printed, or what it said.
fn psql(onerow: &Onerow, connection: &str) -> Result<String, String> {
    asked(onerow, connection, "SELECT 'in'")
}

fn asked(onerow: &Onerow, connection: &str, sql: &str) -> Result<String, String> {
    let connection = format!("host=127.0.0.1 port={} dbname=onerow {connection}", onerow.port);
    let output = Command::new("psql")
        .args(["-X", "-w", "-At", "-d", &connection, "-c", sql])
        .env_remove("PGPASSWORD")
        .env("HOME", "/nonexistent")
        .output()
        .map_err(|e| e.to_string())?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).trim().to_string()),
        false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
    }
}

pub fn rules(_: &Fixtures) -> Outcome {
    let project = Project::new("");
    let made = Certificates::new(project.path());
    for (file, name) in [("server", "localhost"), ("onerow", "onerow"), ("other", "somebody")] {
        made.make(file, name);
    }
    let hba = project.write(
        "rules.conf",
        "# the first that fits counts\n\
         hostssl   onerow \"onerow\"  127.0.0.1/32  cert\n\
         hostssl   onerow  Ann        samehost      password\n\
         host      onerow  rejected   all           reject\n\
         hostnossl onerow  onerow     127.0.0.0 255.0.0.0  scram-sha-256\n",
    );
    let hba = hba.display().to_string();
    let (certificate, key, authority) = (made.path("server.crt"), made.path("server.key"), made.path("ca.crt"));
    let arguments = ["--tls-cert", &certificate, "--tls-key", &key, "--tls-client-ca", &authority, "--hba", &hba];
    let mut onerow = project.serve_with(&arguments, &[("ONEROW_PASSWORD", "s3cret")]);
    let own = |file: &str| {
        format!("sslcert={} sslkey={}", made.path(&format!("{file}.crt")), made.path(&format!("{file}.key")))
    };
    let refused = |said: Result<String, String>, words: &str| -> Outcome {
        let said = said.err().ok_or_else(|| format!("let in, and not: {words}"))?;
        holds!(said, words);
        Ok(())
    };
    let ssl = format!("sslmode=verify-full sslrootcert={authority}");
    same!(psql(&onerow, &format!("user=onerow {ssl} {}", own("onerow"))), Ok("in".to_string()));
    refused(
        psql(&onerow, &format!("user=onerow {ssl} sslcert=/none")),
        "connection requires a valid client certificate",
    )?;
    refused(
        psql(&onerow, &format!("user=onerow {ssl} {}", own("other"))),
        "certificate authentication failed for user \"onerow\"",
    )?;
    // It has the right name, and nobody who counts has signed it.
    made.openssl(&[
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=onerow",
        "-keyout",
        "forged.key",
        "-out",
        "forged.crt",
    ]);
    run(Command::new("chmod").arg("600").arg(made.path("forged.key")));
    same!(psql(&onerow, &format!("user=onerow {ssl} {}", own("forged"))).is_err(), true);
    same!(psql(&onerow, "user=onerow sslmode=disable password=s3cret"), Ok("in".to_string()));
    refused(psql(&onerow, "user=onerow sslmode=disable password=wrong"), "password authentication failed")?;
    refused(
        psql(&onerow, &format!("user=Ann {ssl} password=s3cret")),
        "password authentication failed for user \"Ann\"",
    )?;
    refused(
        psql(&onerow, "user=rejected sslmode=disable"),
        "pg_hba.conf rejects connection for host \"127.0.0.1\", user \"rejected\"",
    )?;
    refused(
        psql(&onerow, "user=nobody sslmode=disable"),
        "no pg_hba.conf entry for host \"127.0.0.1\", user \"nobody\", database \"onerow\", no encryption",
    )?;
    refused(psql(&onerow, &format!("user=nobody {ssl}")), "database \"onerow\", SSL encryption")?;

    // Other rules after SIGHUP; wrong ones change nothing.
    let reload = |onerow: &mut Onerow, text: &str, told: &str| -> Outcome {
        project.write("rules.conf", text);
        let before = onerow.log().matches(told).count();
        onerow.process().signal("HUP");
        same!(eventually(Duration::from_secs(10), || onerow.log().matches(told).count() > before), true, "{told}");
        Ok(())
    };
    reload(&mut onerow, "hostssl onerow onerow all password\n", "certificates and rules read again")?;
    same!(psql(&onerow, &format!("user=onerow {ssl} password=s3cret")), Ok("in".to_string()));
    refused(psql(&onerow, &format!("user=onerow {ssl} password=other")), "password authentication failed")?;
    refused(psql(&onerow, "user=onerow sslmode=disable password=s3cret"), "no pg_hba.conf entry")?;
    reload(
        &mut onerow,
        "hostssl onerow onerow all password\nhost all all all md5\n",
        "rules.conf:2: invalid authentication method",
    )?;
    same!(psql(&onerow, &format!("user=onerow {ssl} password=s3cret")), Ok("in".to_string()));

    // Another certificate without a restart; a broken one changes nothing.
    made.make("server", "127.0.0.1");
    let fingerprint =
        |file: &str| run(Command::new("openssl").args(["x509", "-noout", "-serial", "-in", &made.path(file)]));
    let shown = |onerow: &Onerow| {
        let line = format!(
            "openssl s_client -starttls postgres -connect 127.0.0.1:{} </dev/null 2>/dev/null | openssl x509 -noout -serial",
            onerow.port
        );
        run(Command::new("sh").args(["-c", &line]))
    };
    same!(shown(&onerow) == fingerprint("server.crt"), false);
    reload(&mut onerow, "hostssl onerow onerow all password\n", "certificates and rules read again")?;
    same!(shown(&onerow), fingerprint("server.crt"));
    let kept = fingerprint("server.crt");
    project.write("server.crt", "broken");
    reload(&mut onerow, "hostssl onerow onerow all reject\n", "certificates and rules not taken")?;
    same!(shown(&onerow), kept);
    same!(psql(&onerow, &format!("user=onerow {ssl} password=s3cret")), Ok("in".to_string()));
    lacks!(onerow.log(), "s3cret");
    Ok(())
}

/// What would let in whom nobody means keeps the program from starting.
pub fn refused_at_start(_: &Fixtures) -> Outcome {
    let project = Project::new("");
    let made = Certificates::new(project.path());
    made.make("server", "localhost");
    let folder = project.path().display().to_string();
    let (certificate, key) = (made.path("server.crt"), made.path("server.key"));
    let (here, open) = (format!("127.0.0.1:{}", free_port()), format!("0.0.0.0:{}", free_port()));
    let tls = ["--tls-cert", certificate.as_str(), "--tls-key", key.as_str()];
    let trust = project.write("trust.conf", "host all all all trust\n").display().to_string();
    let encrypted = project.write("ssl.conf", "hostssl all all all scram-sha-256\n").display().to_string();
    let cert = project.write("cert.conf", "\nhostssl all all all cert\n").display().to_string();
    let empty = project.write("empty.conf", "# nobody\n").display().to_string();
    for (listen, more, expected) in [
        (&open, [&tls[..], &["--hba", &trust]].concat(), "trust.conf:1: trust needs a listener"),
        (&here, vec!["--hba", &encrypted], "ssl.conf:1: hostssl needs TLS"),
        (&here, [&tls[..], &["--hba", &cert]].concat(), "cert.conf:2: cert needs to know whose certificates count"),
        (&here, vec!["--hba", &empty], "holds no rule"),
        (&here, vec!["--hba", "/nowhere"], "could not read"),
        (&here, vec!["--tls", "required"], "TLS needs a certificate"),
        (&open, vec!["--hba", &encrypted, "--tls", "allowed"], "hostssl needs TLS"),
    ] {
        let arguments = [&["serve", "--sql", &folder, "--listen", listen][..], &more].concat();
        let (code, _, said) = project.run(&arguments);
        same!(code, 1, "{expected}");
        holds!(said, expected);
    }
    // Where encryption is required nobody comes in without it, before anything is asked.
    let onerow = project.serve_with(&[&tls[..], &["--tls", "required"]].concat(), &[("ONEROW_PASSWORD", "s3cret")]);
    same!(psql(&onerow, "user=onerow sslmode=require password=s3cret"), Ok("in".to_string()));
    same!(psql(&onerow, "user=onerow sslmode=require channel_binding=require password=s3cret"), Ok("in".to_string()));
    let encryption = "SELECT ssl, version LIKE 'TLSv1._', cipher IS NOT NULL, bits IN (128, 256) FROM pg_stat_ssl";
    same!(asked(&onerow, "user=onerow sslmode=require password=s3cret", encryption), Ok("t|t|t|t".to_string()));
    let said = psql(&onerow, "user=onerow sslmode=disable password=s3cret").err().unwrap_or_default();
    holds!(said, "the server requires an encrypted connection");
    Ok(())
}

/// Wrong passwords wait longer and longer, and nobody else does.
pub fn guesses(_: &Fixtures) -> Outcome {
    let project = Project::new("");
    let onerow = project.serve_with(&[], &[("ONEROW_PASSWORD", "s3cret")]);
    let guess = |password: &str| {
        let mut config = onerow.config();
        config.password(password);
        let began = Instant::now();
        let state = block_on(async { connect(&config).await.map(|_| ()).map_err(|fault| fault.state) });
        (state, began.elapsed())
    };
    let mut total = Duration::ZERO;
    for _ in 0..4 {
        let (state, took) = guess("wrong");
        same!(state, Err("28P01".to_string()));
        total += took;
    }
    same!(total >= Duration::from_millis(1_500), true, "{total:?}");
    same!(guess("s3cret").0, Ok(()));
    // Whoever knew the password begins anew.
    let (_, took) = guess("wrong");
    same!(took < Duration::from_millis(1_000), true, "{took:?}");
    Ok(())
}

/// Hundreds that say nothing, half a packet or half a message keep nobody out.
pub fn silent(_: &Fixtures) -> Outcome {
    let project = Project::new("");
    let onerow = project.serve_with(&["--max-connections", "20"], &[]);
    let mut held = vec![];
    for number in 0..600 {
        let mut socket = TcpStream::connect(("127.0.0.1", onerow.port))?;
        if number % 2 == 0 {
            let _ = socket.write_all(&[0, 0, 1]);
        }
        held.push(socket);
    }
    block_on(async {
        let began = Instant::now();
        let client = connect(&onerow.config()).await?;
        same!(value(&client, "SELECT 1").await?, "1");
        same!(began.elapsed() < Duration::from_secs(5), true, "{:?}", began.elapsed());
        // A session that sends half a message, and one that does not read what it asked for.
        let mut half = super::raw::Wire::open(onerow.port)?;
        half.bytes(&[b'Q', 0, 0, 1, 0, b'S'])?;
        let began = Instant::now();
        for _ in 0..20 {
            same!(value(&client, "SELECT count(*) FROM generate_series(1, 1000)").await?, "1000");
        }
        same!(began.elapsed() < Duration::from_secs(5), true, "{:?}", began.elapsed());
        Ok(())
    })
}

/// Sessions that do nothing end when they said so.
pub fn idle(_: &Fixtures) -> Outcome {
    let project = Project::new("");
    let onerow = project.serve();
    block_on(async {
        let ends = async |setup: &str| -> Result<(String, Duration), Fault> {
            let (client, mut connection) = onerow.config().connect(tokio_postgres::NoTls).await?;
            let ended = tokio::spawn(async move {
                let messages = futures::stream::poll_fn(move |context| connection.poll_message(context));
                let mut messages = std::pin::pin!(messages);
                while let Some(message) = futures::StreamExt::next(&mut messages).await {
                    if let Err(error) = message {
                        return Fault::from(error).state;
                    }
                }
                String::new()
            });
            rows(&client, setup).await?;
            let began = Instant::now();
            let state = tokio::time::timeout(Duration::from_secs(10), ended).await;
            Ok((state.ok().and_then(Result::ok).unwrap_or_default(), began.elapsed()))
        };
        for (setup, expected) in [
            ("SET idle_session_timeout = '300ms'", "57P05"),
            ("SET idle_in_transaction_session_timeout = '300ms'; BEGIN", "25P03"),
        ] {
            let (state, took) = ends(setup).await?;
            same!(state, expected, "{setup}");
            same!(took >= Duration::from_millis(250) && took < Duration::from_secs(5), true, "{took:?}");
        }
        // Each counts where it is meant alone, and a statement that runs is not idle.
        let client = onerow.client().await;
        rows(&client, "SET idle_in_transaction_session_timeout = '200ms'").await?;
        tokio::time::sleep(Duration::from_millis(500)).await;
        same!(value(&client, "SELECT 1").await?, "1");
        rows(&client, "SET idle_session_timeout = '200ms'; SET idle_in_transaction_session_timeout = 0; BEGIN").await?;
        tokio::time::sleep(Duration::from_millis(500)).await;
        same!(value(&client, "SELECT 1").await?, "1");
        Ok(())
    })
}

/// A session may limit the rows of a result.
pub fn most_rows(_: &Fixtures) -> Outcome {
    let project = Project::new("");
    let onerow = project.serve();
    block_on(async {
        let client = onerow.client().await;
        rows(&client, "SET onerow.max_result_rows = 1000").await?;
        let count = |n: usize| format!("SELECT g FROM generate_series(1, {n}) AS t(g)");
        same!(rows(&client, &count(1000)).await?.len(), 1000);
        same!(rows(&client, &count(1001)).await.map(|_| ()).map_err(|f| f.state), Err("54000".to_string()));
        same!(client.query(&count(1000), &[]).await.map_err(Fault::from)?.len(), 1000);
        same!(
            client.query(&count(5000), &[]).await.map(|_| ()).map_err(|e| Fault::from(e).state),
            Err("54000".to_string())
        );
        // A cursor's rows are one result, however they are fetched.
        rows(&client, &format!("BEGIN; DECLARE c CURSOR FOR {}", count(5000))).await?;
        same!(rows(&client, "FETCH 900 FROM c").await?.len(), 900);
        same!(rows(&client, "FETCH 900 FROM c").await.map(|_| ()).map_err(|f| f.state), Err("54000".to_string()));
        rows(&client, "ROLLBACK").await?;
        let copied = client.copy_out(&format!("COPY ({}) TO STDOUT", count(5000))).await.map_err(Fault::from)?;
        // After an error the driver's stream has no end.
        let copied: Result<Vec<_>, _> = futures::TryStreamExt::try_collect(copied).await;
        same!(copied.map(|_| ()).map_err(|error| Fault::from(error).state), Err("54000".to_string()));
        same!(value(&client, &format!("SELECT count(*) FROM ({}) s", count(5000))).await?, "5000");
        for wrong in ["-1", "'many'"] {
            let sql = format!("SET onerow.max_result_rows = {wrong}");
            same!(rows(&client, &sql).await.map(|_| ()).map_err(|f| f.state), Err("22023".to_string()));
        }
        rows(&client, "RESET onerow.max_result_rows").await?;
        same!(rows(&client, &count(1001)).await?.len(), 1001);
        Ok(())
    })
}

/// What is counted, and whether the server is well, on an address of their own.
pub fn metrics(_: &Fixtures) -> Outcome {
    let project = Project::new(&format!(
        "CREATE SERVER gone FOREIGN DATA WRAPPER postgres OPTIONS (host '127.0.0.1', port '{}');
         CREATE USER MAPPING FOR PUBLIC SERVER gone OPTIONS (user 'x', password 'y');
         CREATE FOREIGN TABLE away (id int) SERVER gone;",
        free_port()
    ));
    let port = free_port();
    let onerow = project.serve_with(&["--metrics", &format!("127.0.0.1:{port}")], &[]);
    let get = |request: &str| -> Result<String, std::io::Error> {
        let mut socket = TcpStream::connect(("127.0.0.1", port))?;
        socket.set_read_timeout(Some(Duration::from_secs(10)))?;
        socket.write_all(request.as_bytes())?;
        let mut answer = String::new();
        socket.read_to_string(&mut answer)?;
        Ok(answer)
    };
    let page = |path: &str| get(&format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n"));
    same!(page("/health")?.ends_with("\r\n\r\nok\n"), true);
    onerow.sql("SELECT g FROM generate_series(1, 10) AS t(g)")?;
    refused!(onerow.sql("SELECT nope"), "42703");
    refused!(onerow.sql("SELECT id FROM away"), "08006");
    let text = page("/metrics?x=1")?;
    holds!(text, "HTTP/1.1 200 OK\r\n");
    for line in [
        "onerow_sessions_max 100",
        "onerow_statements_total{outcome=\"42703\"} 1",
        "onerow_statements_total{outcome=\"08006\"} 1",
        "onerow_rows_sent_total 10",
        "onerow_source_failures{server=\"gone\"} 1",
        "onerow_memory_limit_bytes 4294967296",
    ] {
        same!(text.lines().any(|found| found == line), true, "{line} in {text}");
    }
    holds!(text, "onerow_statements_total{outcome=\"00000\"}");
    holds!(page("/")?, "404 Not Found");
    holds!(get("POST /metrics HTTP/1.1\r\nContent-Length: 0\r\n\r\n")?, "405 Method Not Allowed");
    same!(get("HEAD /health HTTP/1.1\r\n\r\n")?.ends_with("\r\n\r\n"), true);
    // Those that say nothing keep nobody out.
    let silent: Vec<_> = (0..15).filter_map(|_| TcpStream::connect(("127.0.0.1", port)).ok()).collect();
    holds!(page("/health")?, "200 OK");
    drop(silent);
    Ok(())
}
