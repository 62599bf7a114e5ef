//! SIGHUP reads all files again, or none.

use std::time::Duration;

use super::super::support::process::eventually;
use super::super::support::{Fixtures, Outcome, Project};

const LIMIT: Duration = Duration::from_secs(20);

pub fn all(_: &Fixtures) -> Outcome {
    let project = Project::new("CREATE VIEW a AS SELECT 1 AS n; CREATE VIEW gone AS SELECT 1 AS n;");
    project.write("20_more.sql", "CREATE VIEW b AS SELECT n FROM a;");
    let mut onerow = project.serve();
    onerow.sql("CREATE VIEW typed AS SELECT n FROM b")?;
    project.write("10_main.sql", "CREATE VIEW a AS SELECT 2 AS n;");
    project.write("30_new.sql", "CREATE VIEW c AS SELECT n FROM b;");
    onerow.process().signal("HUP");
    same!(eventually(LIMIT, || onerow.sql("SELECT n FROM c").is_ok_and(|n| n == "2")), true, "{}", onerow.log());
    same!(onerow.sql("SELECT n FROM typed")?, "2");
    refused!(onerow.sql("SELECT n FROM gone"), "42P01");
    Ok(())
}

pub fn none(_: &Fixtures) -> Outcome {
    let project = Project::new("CREATE VIEW a AS SELECT 1 AS n;");
    let mut onerow = project.serve();
    project.write("10_main.sql", "CREATE VIEW a AS SELECT 2 AS n;");
    project.write("20_wrong.sql", "CREATE VIEW b AS SELECT nope FROM a;");
    onerow.process().signal("HUP");
    same!(eventually(LIMIT, || onerow.log().contains("20_wrong.sql:1:")), true, "{}", onerow.log());
    holds!(onerow.log(), "42703");
    same!(onerow.sql("SELECT n FROM a")?, "1");
    // Once it is mended, the same signal takes it.
    project.write("20_wrong.sql", "CREATE VIEW b AS SELECT n FROM a;");
    onerow.process().signal("HUP");
    same!(eventually(LIMIT, || onerow.sql("SELECT n FROM b").is_ok_and(|n| n == "2")), true, "{}", onerow.log());
    Ok(())
}
