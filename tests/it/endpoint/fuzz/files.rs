//! Files that are not what they are called.

use std::fs;
use std::sync::Arc;

use datafusion::arrow::array::{Int64Array, RecordBatch, StringArray};
use datafusion::arrow::datatypes::{DataType, Field, Schema};

use super::super::super::support::data::{gzip, parquet};
use super::super::super::support::{Fixtures, Outcome, Project};
use super::super::raw::{Wire, state, zero_ended};
use super::corpus::is_well;
use super::dice::Dice;

/// Files that are cut off, not what they are called, too deep, too wide or far larger than they look.
pub fn files(fixtures: &Fixtures) -> Outcome {
    let _alone = fixtures.heavy();
    let project = Project::new("");
    let mut dice = Dice(3);
    let schema =
        Arc::new(Schema::new(vec![Field::new("id", DataType::Int64, true), Field::new("name", DataType::Utf8, true)]));
    let names: StringArray = (0..500).map(|n| Some(format!("name {n}"))).collect();
    let rows = RecordBatch::try_new(schema, vec![Arc::new(Int64Array::from_iter_values(0..500)), Arc::new(names)]);
    let whole = parquet(&[rows.map_err(|error| error.to_string())?]);
    let csv = (0..500).map(|n| format!("{n},\"name {n}\"\n")).collect::<String>();
    let csv = format!("id,name\n{csv}");
    let zipped = gzip(&csv);
    let footer = |length: u32| [&b"PAR1"[..], &[0; 8], &length.to_le_bytes(), b"PAR1"].concat();
    let mut given: Vec<(String, Vec<u8>)> = vec![
        ("quote.csv".into(), [b"id,name\n1,\"never ends".to_vec(), vec![b'x'; 100_000]].concat()),
        ("record.csv".into(), [b"id,name\n1,".to_vec(), vec![b'x'; 65 << 20]].concat()),
        ("bytes.csv".into(), b"id,name\n1,a\0b\n2,\xff\xfe\n".to_vec()),
        ("ragged.csv".into(), b"id,name\n1\n1,2,3\n".to_vec()),
        ("empty.csv".into(), vec![]),
        ("wide.csv".into(), format!("{}\n{}\n", vec!["a"; 50_000].join(","), vec!["1"; 50_000].join(",")).into_bytes()),
        ("wide.json".into(), {
            let keys: Vec<String> = (0..5_000).map(|n| format!("\"k{n}\":1")).collect();
            format!("{{{}}}\n", keys.join(",")).into_bytes()
        }),
        ("half.csv.gz".into(), zipped[..zipped.len() / 2].to_vec()),
        ("plain.csv.gz".into(), csv.clone().into_bytes()),
        ("bomb.csv.gz".into(), gzip(&format!("id,name\n1,{}", "0".repeat(70 << 20)))),
        ("deep.json".into(), format!("{{\"id\":{}{}}}\n", "[".repeat(100_000), "]".repeat(100_000)).into_bytes()),
        ("half.json".into(), b"{\"id\":1}\n{\"id\":".to_vec()),
        ("number.json".into(), b"{\"id\":1e999}\n{\"id\":-99999999999999999999999999}\n".to_vec()),
        ("mixed.json".into(), b"{\"id\":1}\n{\"id\":\"x\"}\n{\"id\":[1]}\n{\"id\":{\"b\":1}}\n".to_vec()),
        ("text.json".into(), b"{\"name\":\"\\ud800\"}\n".to_vec()),
        ("none.parquet".into(), vec![]),
        ("random.parquet".into(), (0..1_000).map(|_| dice.roll() as u8).collect()),
        ("long.parquet".into(), footer(u32::MAX)),
        ("short.parquet".into(), footer(8)),
        ("half.parquet".into(), whole[..whole.len() / 2].to_vec()),
    ];
    for round in 0..12 {
        let of = |name: &str, bytes: &[u8], dice: &mut Dice| {
            let mut bytes = bytes.to_vec();
            dice.mutate(&mut bytes);
            (format!("mutated{round}{name}"), bytes)
        };
        given.push(of(".csv", csv.as_bytes(), &mut dice));
        given.push(of(".csv.gz", &zipped, &mut dice));
        given.push(of(".parquet", &whole, &mut dice));
    }
    fs::create_dir_all(project.path().join("data"))?;
    for (name, bytes) in &given {
        project.write(&format!("data/{name}"), bytes);
    }
    let onerow = project.serve();
    let folder = project.path().join("data");
    let mut wire = Wire::connect(onerow.port)?;
    let mut ask = |sql: &str| -> Result<String, Box<dyn std::error::Error>> {
        wire.send(b'Q', &zero_ended(&[sql]))?;
        let answer = wire.until_ready().map_err(|error| format!("{error} after {sql}"))?;
        Ok(state(&answer).unwrap_or_default())
    };
    same!(ask(&format!("CREATE SERVER f FOREIGN DATA WRAPPER files OPTIONS (location '{}')", folder.display()))?, "");
    same!(ask("SET statement_timeout = '20s'")?, "");
    for (at, (name, _)) in given.iter().enumerate() {
        for (table, columns) in [(format!("found{at}"), ""), (format!("declared{at}"), "(id text, name text)")] {
            let created = ask(&format!("CREATE FOREIGN TABLE {table} {columns} SERVER f OPTIONS (path '{name}')"))?;
            same!(created.starts_with("XX"), false, "{name}: {created}");
            if created.is_empty() {
                let read = ask(&format!("SELECT count(*) FROM {table}"))?;
                same!(read.starts_with("XX"), false, "{name}: {read}");
                let read = ask(&format!("SELECT * FROM {table}"))?;
                same!(read.starts_with("XX"), false, "{name}: {read}");
            }
        }
    }
    let wide = ask("CREATE FOREIGN TABLE wide SERVER f OPTIONS (path 'wide.json')")?;
    same!(wide, "54011");
    let most = onerow.memory("VmHWM");
    same!(most < 1_000 << 20, true, "{} MiB", most >> 20);
    is_well(&onerow)
}
