//! MariaDB's tables in ranges of their keys, where that was asked for.

use crate::support::wire::rows;
use crate::support::{Fixtures, Outcome, Project, block_on};

pub fn same_rows(fixtures: &Fixtures) -> Outcome {
    let mariadb = fixtures.mariadb();
    mariadb.sql(
        "CREATE DATABASE parted; USE parted;
         CREATE TABLE counted (id BIGINT PRIMARY KEY, name VARCHAR(50), amount DECIMAL(10,2));
         INSERT INTO counted
           SELECT CAST(seq AS SIGNED) * 3 - 90000, CONCAT('n', seq), IF(seq % 9, seq / 7, NULL) FROM seq_1_to_90000;
         INSERT INTO counted VALUES (-9223372036854775808, 'least', 1), (9223372036854775807, 'greatest', 2);
         CREATE TABLE large (id BIGINT UNSIGNED PRIMARY KEY, name VARCHAR(50));
         INSERT INTO large SELECT 18446744073709551615 - seq, seq FROM seq_1_to_90000;
         CREATE TABLE texts (id VARCHAR(20) PRIMARY KEY); INSERT INTO texts SELECT seq FROM seq_1_to_90000;
         CREATE TABLE pairs (a INT, b INT, PRIMARY KEY (a, b)); INSERT INTO pairs SELECT seq, seq FROM seq_1_to_90000;
         CREATE VIEW seen AS SELECT * FROM counted;
         ANALYZE TABLE counted, large, texts, pairs;",
    );
    let imported = |name: &str, options: &str| {
        format!(
            "{} IMPORT FOREIGN SCHEMA parted FROM SERVER {name} INTO {name};\n",
            mariadb.declared_with(name, options)
        )
    };
    let project = Project::new(&format!("{}{}", imported("parts", ", parallel_reads '3'"), imported("whole", "")));
    let onerow = project.serve();
    block_on(async {
        let client = onerow.client().await;
        for (sql, parted) in [
            ("SELECT * FROM {}.counted ORDER BY id", true),
            ("SELECT * FROM {}.large ORDER BY id", true),
            ("SELECT name FROM {}.counted ORDER BY name", true),
            ("SELECT * FROM {}.texts ORDER BY id", false),
            ("SELECT * FROM {}.pairs ORDER BY a", false),
            ("SELECT * FROM {}.seen ORDER BY id", false),
            ("SELECT * FROM {}.counted ORDER BY id LIMIT 5", false),
            ("SELECT * FROM {}.counted WHERE id = 90", false),
            ("SELECT count(*) FROM {}.counted", false),
        ] {
            let plan = format!("{:?}", rows(&client, &format!("EXPLAIN {}", sql.replace("{}", "parts"))).await?);
            same!(plan.contains("in 3 parts by primary key, not one snapshot"), parted, "{sql}: {plan}");
            let plan = format!("{:?}", rows(&client, &format!("EXPLAIN {}", sql.replace("{}", "whole"))).await?);
            lacks!(plan, "parts by");
            let here = rows(&client, &sql.replace("{}", "parts")).await?;
            same!(here == rows(&client, &sql.replace("{}", "whole")).await?, true, "{sql}");
            same!(here.is_empty(), false, "{sql}");
        }
        Ok(())
    })
}
