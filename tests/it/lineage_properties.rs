//! What is chosen is what the view has, for every merge function, on random rows; and the order of rows never shows. So
//! it is of views that join or unite several merges.

use futures::TryStreamExt;
use onerow::config::EngineConfig;
use onerow::engine::{self, Engine, Session, SessionParameters};
use onerow::error::Error;
use onerow::functions::merge::{self, MergeRule, Role};
use onerow::values::text_values;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use tokio_util::sync::CancellationToken;

use super::Test;
use super::support::{Fixtures, Outcome, block_on};

pub const TESTS: &[Test] = &[("the_chosen_candidates_are_the_view_s", property)];

const VALUES: [&str; 8] =
    ["NULL", "''", "'Zürich'", "'a'", "'A'", "'O''Brien \"x\", y'", "'北京'", "'a longer text than a view holds'"];
const TIMES: [&str; 5] = ["NULL", "'1969-12-31 23:59:59.999999'", "'2024-01-01'", "'2024-01-02'", "'9999-12-31'"];

/// Key, value, time, trust, weight, source, record.
type Row = (u8, usize, usize, u8, u8, u8, u8);

fn row() -> impl Strategy<Value = Row> {
    (0..4u8, 0..VALUES.len(), 0..TIMES.len(), 0..4u8, 0..4u8, 0..3u8, 0..3u8)
}

fn literal(row: &Row) -> String {
    let (key, value, time, trust, weight, source, record) = *row;
    let some = |number: u8| if number == 0 { "NULL".to_string() } else { number.to_string() };
    let text = |number: u8| if number == 0 { "NULL".to_string() } else { format!("'s{number}'") };
    format!(
        "({}, {}, {}, {}, {weight}, {}, {})",
        some(key),
        VALUES.get(value).copied().unwrap_or("NULL"),
        TIMES.get(time).copied().unwrap_or("NULL"),
        some(trust),
        text(source),
        text(record)
    )
}

/// A call of a merge function; none for one whose arguments are none of these.
fn call(rule: &MergeRule, all: bool) -> Option<String> {
    let count = if all { rule.arguments.len() } else { rule.required };
    let arguments = rule.arguments.iter().take(count).map(|argument| match argument.role {
        Role::Value if rule.name == "weighted_avg" => Some("w"),
        Role::Value => Some("v"),
        Role::Time => Some("at"),
        Role::Trust => Some("trust"),
        Role::Weight => Some("w"),
        _ => None,
    });
    Some(format!("{}({})", rule.name, arguments.collect::<Option<Vec<_>>>()?.join(", ")))
}

async fn ask(session: &Session, sql: &str) -> Result<Vec<Vec<Option<String>>>, Error> {
    let mut rows = vec![];
    for statement in session.parse(sql)? {
        let outcome = Box::pin(session.run(&statement, vec![], CancellationToken::new())).await?;
        let engine::Outcome::Rows { stream, .. } = outcome else { continue };
        for batch in stream.try_collect::<Vec<_>>().await.map_err(Error::from)? {
            rows.extend(text_values(&batch, "UTC")?);
        }
    }
    rows.sort();
    Ok(rows)
}

async fn agree(rows: &[Row]) -> Outcome {
    let engine = Engine::open(EngineConfig::default()).await.map_err(|errors| format!("{errors:?}"))?;
    let session = engine.session(SessionParameters::owner())?;
    let empty = "(SELECT NULL::text AS v, NULL::timestamp AS at, NULL::int AS trust, NULL::int AS w) AS t";
    let mut names = vec![];
    for rule in merge::rules() {
        for (all, suffix) in [(false, ""), (true, "_all")] {
            let Some(call) = call(rule, all) else { continue };
            // Some take another type, or an ORDER BY.
            if ask(&session, &format!("SELECT {call} FROM {empty}")).await.is_ok() {
                names.push((format!("{}{suffix}", rule.name), call, rule.returns_input()));
            }
        }
    }
    if names.len() < 20 {
        return Err(format!("only {} calls are tried", names.len()).into());
    }
    let columns: Vec<String> = names.iter().map(|(name, call, _)| format!("{call} AS \"{name}\"")).collect();
    let turned: Vec<Row> = rows.iter().rev().copied().collect();
    for (table, rows) in [("p", rows), ("q", turned.as_slice())] {
        let kinds = "k int, v text, at timestamp, trust int, w int, source text, record_id text";
        let rows: Vec<String> = rows.iter().map(literal).collect();
        let sql = format!(
            "CREATE TABLE {table} ({kinds}); INSERT INTO {table} VALUES {};
             CREATE VIEW {table}_merged AS SELECT k, {} FROM {table} GROUP BY k",
            rows.join(", "),
            columns.join(", ")
        );
        ask(&session, &sql).await?;
    }
    let told = "SELECT k::text, column_name::text, value::text, source::text, record_id::text, observed_at::text,
                       trust::text, chosen::text, rule::text, tie_level::text, candidates::text,
                       distinct_values::text, changed::text FROM lineage('";
    let all = ask(&session, &format!("{told}p_merged')")).await?;
    let turned = ask(&session, &format!("{told}q_merged')")).await?;
    same!(all, turned);
    for (name, _, returns_input) in &names {
        let told = "SELECT k::text, value::text FROM lineage('p_merged') WHERE chosen AND column_name =";
        let chosen = ask(&session, &format!("{told} '{name}'")).await?;
        let view = format!("SELECT k::text, \"{name}\"::text FROM p_merged WHERE \"{name}\" IS NOT NULL");
        if *returns_input {
            same!(chosen, ask(&session, &view).await?, "{name}");
        } else {
            let candidates =
                format!("SELECT k::text, value::text FROM lineage('p_merged') WHERE column_name = '{name}'");
            same!(chosen, ask(&session, &candidates).await?, "{name}");
        }
    }
    let inputs = names.iter().filter(|(.., returns_input)| *returns_input);
    several_agree(&session, &inputs.map(|(name, call, _)| (name.as_str(), call.as_str())).collect::<Vec<_>>()).await
}

/// The views that join or unite merges, by name. Each side has groups that the other one has not.
const SEVERAL: [(&str, &str); 6] = [
    ("p_inner", "SELECT k, {one}, {two} FROM p_one JOIN p_two USING (k)"),
    ("p_left", "SELECT k, {one}, {two} FROM p_one LEFT JOIN p_two USING (k)"),
    ("p_full", "SELECT k, {one}, {two} FROM p_one FULL JOIN p_two USING (k)"),
    ("p_some", "SELECT * FROM p_left WHERE k IS NULL OR k < 3 ORDER BY k LIMIT 2"),
    ("p_union", "SELECT 'one' AS part, * FROM p_one UNION ALL SELECT 'three', * FROM p_three"),
    ("p_kept", "SELECT * FROM p_union WHERE k = 1 OR {least} IS NOT NULL"),
];

/// What is chosen is what the view has where it joins or unites merges, all columns at once; `calls` are by name.
async fn several_agree(session: &Session, calls: &[(&str, &str)]) -> Outcome {
    let (one, two) = calls.split_at(calls.len() / 2);
    let made = |calls: &[(&str, &str)]| {
        calls.iter().map(|(name, call)| format!("{call} AS \"{name}\"")).collect::<Vec<_>>().join(", ")
    };
    let named =
        |calls: &[(&str, &str)]| calls.iter().map(|(name, _)| format!("\"{name}\"")).collect::<Vec<_>>().join(", ");
    let groups = [
        ("p_one", one, "source IS NOT NULL"),
        ("p_two", two, "record_id IS NOT NULL"),
        ("p_three", one, "record_id IS NOT NULL"),
    ];
    for (view, calls, kept) in groups {
        let sql = format!("CREATE VIEW {view} AS SELECT k, {} FROM p WHERE {kept} GROUP BY k", made(calls));
        ask(session, &sql).await?;
    }
    for (view, query) in SEVERAL {
        let least = named(one.get(..1).unwrap_or_default());
        let query = query.replace("{one}", &named(one)).replace("{two}", &named(two)).replace("{least}", &least);
        ask(session, &format!("CREATE VIEW {view} AS {query}")).await?;
        let united = matches!(view, "p_union" | "p_kept");
        let part = if united { "part" } else { "''" };
        let columns = if united { one.to_vec() } else { calls.to_vec() };
        let texts: Vec<String> = columns.iter().map(|(name, _)| format!("\"{name}\"::text")).collect();
        let rows = ask(session, &format!("SELECT {part}, k::text, {} FROM {view}", texts.join(", "))).await?;
        let mut values: Vec<Vec<Option<String>>> = vec![];
        for row in &rows {
            let (key, cells) = row.split_at(2);
            values.extend(
                columns
                    .iter()
                    .zip(cells)
                    .filter(|(_, value)| value.is_some())
                    .map(|((name, _), value)| [key, &[Some((*name).to_string()), value.clone()]].concat()),
            );
        }
        values.sort();
        let told =
            format!("SELECT {part}, k::text, column_name::text, value::text FROM lineage('{view}') WHERE chosen");
        same!(ask(session, &told).await?, values, "{view}");
    }
    Ok(())
}

fn property(_: &Fixtures) -> Outcome {
    let config = Config { cases: 16, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let tried = runner.run(&prop::collection::vec(row(), 1..30), |rows| {
        // Planning recurses deeply: on a stack as large as the server's workers have.
        let told = std::thread::scope(|scope| {
            let thread = std::thread::Builder::new().stack_size(16 << 20);
            let work = || block_on(agree(&rows)).map_err(|error| error.message().unwrap_or_default().to_string());
            thread.spawn_scoped(scope, work).map(|thread| thread.join())
        });
        match told {
            Ok(Ok(Ok(()))) => Ok(()),
            Ok(Ok(Err(error))) => Err(TestCaseError::fail(error)),
            _ => Err(TestCaseError::fail("it panicked")),
        }
    });
    tried.map_err(|error| error.to_string().into())
}
