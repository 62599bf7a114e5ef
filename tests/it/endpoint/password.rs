//! Who is let in.

use tokio_postgres::Config;

use super::super::support::onerow::connect;
use super::super::support::wire::value;
use super::super::support::{Fixtures, Outcome, Project, block_on};

/// The SQLSTATE that a connection is refused with; `in` when it is let in.
async fn knock(config: &Config) -> String {
    match connect(config).await {
        Ok(client) => value(&client, "SELECT 'in'").await.unwrap_or_else(|fault| fault.to_string()),
        Err(fault) if fault.state.is_empty() => fault.message,
        Err(fault) => fault.state,
    }
}

pub fn scram(_: &Fixtures) -> Outcome {
    let project = Project::new("");
    let onerow = project.serve_with(&[], &[("ONEROW_PASSWORD", "s3cret 张")]);
    let knocked: Outcome = block_on(async {
        let with = |user: &str, password: &str| {
            let mut config = onerow.config();
            config.user(user).password(password);
            config
        };
        same!(knock(&with("onerow", "s3cret 张")).await, "in");
        same!(knock(&with("onerow", "s3cret")).await, "28P01");
        same!(knock(&with("onerow", "")).await, "28P01");
        same!(knock(&with("somebody", "s3cret 张")).await, "28P01");
        // The driver itself gives up when it has no password to give.
        same!(knock(&onerow.config()).await == "in", false);
        Ok(())
    });
    knocked?;
    // Asked with SCRAM: the password never travels.
    let mut wire = super::raw::Wire::open(onerow.port)?;
    let body = [&196_608i32.to_be_bytes()[..], b"user\0onerow\0\0"].concat();
    wire.bytes(&[&(body.len() as i32 + 4).to_be_bytes()[..], &body].concat())?;
    let (kind, body) = wire.message()?;
    same!(kind, b'R');
    same!(body.starts_with(&10i32.to_be_bytes()), true);
    holds!(String::from_utf8_lossy(&body), "SCRAM-SHA-256");
    lacks!(onerow.log(), "s3cret");
    Ok(())
}

/// A password set by the owner counts from then on, also after a restart.
pub fn stored(_: &Fixtures) -> Outcome {
    let project = Project::new("");
    let onerow = project.serve();
    onerow.sql("ALTER ROLE onerow PASSWORD 'kept one'")?;
    let ask = |onerow: &super::super::support::Onerow| {
        let (mut right, mut wrong) = (onerow.config(), onerow.config());
        right.password("kept one");
        wrong.password("other");
        block_on(async move { (knock(&right).await, knock(&wrong).await) })
    };
    let expected = ("in".to_string(), "28P01".to_string());
    same!(ask(&onerow), expected);
    onerow.kill();
    let onerow = project.serve();
    same!(ask(&onerow), expected);
    Ok(())
}

pub fn database(_: &Fixtures) -> Outcome {
    let project = Project::new("");
    let onerow = project.serve();
    block_on(async {
        let mut config = onerow.config();
        config.dbname("nope");
        same!(knock(&config).await, "3D000");
        config.dbname("onerow");
        same!(knock(&config).await, "in");
        Ok(())
    })
}
