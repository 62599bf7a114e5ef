//! Real parts for the tests: database servers, an object store, the program itself, psql.

pub mod data;
pub mod fixtures;
pub mod mariadb;
pub mod onerow;
pub mod postgres;
pub mod process;
pub mod pushdown;
pub mod relay;
pub mod report;
pub mod s3;
pub mod wire;

pub use fixtures::Fixtures;
pub use onerow::{Onerow, Project};

/// What a test gives: nothing, or why it failed.
pub type Outcome = Result<(), libtest_mimic::Failed>;

/// Runs a future on a runtime of its own.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .thread_stack_size(8 << 20)
        .build()
        .expect("a runtime")
        .block_on(future)
}

/// Fails with both values when they differ.
#[macro_export]
macro_rules! same {
    ($left:expr, $right:expr) => {
        $crate::same!($left, $right, "values")
    };
    ($left:expr, $right:expr, $($what:tt)+) => {{
        let (left, right) = (&$left, &$right);
        if left != right {
            return Err(format!("{} differ\n  got:      {left:?}\n  expected: {right:?}", format!($($what)+)).into());
        }
    }};
}

/// Fails unless the text holds the part.
#[macro_export]
macro_rules! holds {
    ($text:expr, $part:expr) => {{
        let (text, part) = (&$text, &$part);
        if !text.contains(&part[..]) {
            return Err(format!("expected to find {part:?} in:\n{text}").into());
        }
    }};
}

/// Fails unless the statement failed with this SQLSTATE, and with these parts in what psql said.
#[macro_export]
macro_rules! refused {
    ($result:expr, $state:expr $(, $part:expr)* $(,)?) => {{
        match $result {
            Ok(rows) => {
                return Err(format!("expected {} from {}, got {rows:?}", $state, stringify!($result)).into());
            }
            Err(said) => {
                $crate::holds!(said, format!("{}:", $state));
                $($crate::holds!(said, $part);)*
            }
        }
    }};
}

/// Fails when the text holds the part.
#[macro_export]
macro_rules! lacks {
    ($text:expr, $part:expr) => {{
        let (text, part) = (&$text, &$part);
        if text.contains(&part[..]) {
            return Err(format!("expected not to find {part:?} in:\n{text}").into());
        }
    }};
}
