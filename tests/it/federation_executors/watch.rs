//! What sources are working on, asked often enough to tell a tenth of a second.

use std::time::{Duration, Instant};

use mysql_async::prelude::Queryable;
use tokio_postgres::Client;

use crate::support::mariadb::{self, Mariadb};
use crate::support::wire::{Fault, value};

/// How long a statement may go on at its source when nobody wants its rows any more.
pub const SOON: Duration = Duration::from_millis(100);

/// How long something may take that has no limit of its own.
const LIMIT: Duration = Duration::from_secs(30);

/// Who is asked how many statements run.
pub enum Watch {
    Postgres(Client, String),
    Mariadb(Box<mysql_async::Conn>, String),
}

impl Watch {
    /// Statements of connections with this application_name.
    pub fn postgres(client: Client, application: &str) -> Watch {
        let asking = format!(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = '{application}' AND state = 'active'
               AND query NOT LIKE 'ROLLBACK%'"
        );
        Watch::Postgres(client, asking)
    }

    /// Statements whose text holds `marker`.
    pub async fn mariadb(server: &Mariadb, marker: &str) -> Result<Watch, mysql_async::Error> {
        let options = mysql_async::OptsBuilder::default()
            .ip_or_hostname("127.0.0.1")
            .tcp_port(server.port)
            .user(Some(mariadb::USER))
            .pass(Some(mariadb::PASSWORD))
            .prefer_socket(false);
        let asking = format!(
            "SELECT COUNT(*) FROM information_schema.PROCESSLIST
              WHERE INFO LIKE '%{marker}%' AND COMMAND <> 'Sleep' AND ID <> CONNECTION_ID()"
        );
        Ok(Watch::Mariadb(Box::new(mysql_async::Conn::new(options).await?), asking))
    }

    /// How many run now.
    pub async fn running(&mut self) -> Result<u32, Fault> {
        match self {
            Watch::Postgres(client, asking) => Ok(value(client, asking).await?.parse().unwrap_or(99)),
            Watch::Mariadb(connection, asking) => {
                let count: Option<u32> = connection.query_first(asking.as_str()).await.map_err(|error| Fault {
                    state: String::new(),
                    message: error.to_string(),
                    detail: String::new(),
                    position: None,
                })?;
                Ok(count.unwrap_or(99))
            }
        }
    }

    /// How many run now, or wait to be asked for what comes next.
    async fn begun(&mut self) -> Result<u32, Fault> {
        match self {
            Watch::Postgres(client, asking) => {
                let asking = asking.replace("state = 'active'", "state <> 'idle'");
                Ok(value(client, &asking).await?.parse().unwrap_or(0))
            }
            Watch::Mariadb(..) => self.running().await,
        }
    }

    /// Waits until at least so many run.
    pub async fn started(&mut self, count: u32) -> Result<(), String> {
        // Of several some may have found no connection free, and will not come.
        let end = Instant::now() + if count > 1 { LIMIT / 6 } else { LIMIT };
        loop {
            let running = self.begun().await.map_err(|fault| fault.to_string())?;
            if running >= count {
                return Ok(());
            }
            if Instant::now() > end {
                return Err(format!("{running} statements run, where {count} were expected"));
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Waits until no connection is at work or in a transaction.
    pub async fn rest(&mut self) -> Result<(), String> {
        let end = Instant::now() + LIMIT;
        while self.begun().await.map_err(|fault| fault.to_string())? > 0 {
            if Instant::now() > end {
                return Err("connections stay in their transactions".into());
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(())
    }

    /// Waits until none runs; how long that was after `since`.
    pub async fn gone(&mut self, since: Instant) -> Result<Duration, String> {
        loop {
            let running = self.running().await.map_err(|fault| fault.to_string())?;
            let took = since.elapsed();
            if running == 0 {
                return Ok(took);
            }
            if took > LIMIT {
                return Err(format!("{running} statements go on"));
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}
