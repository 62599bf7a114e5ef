//! Prepared statements and their rows.

use mysql_async::{Column, Error, Value};
use mysql_common::constants::CapabilityFlags;
use mysql_common::io::ParseBuf;
use mysql_common::packets::{ComStmtClose, ComStmtExecuteRequestBuilder, StmtPacket};
use mysql_common::proto::MySerialize;

use super::link::{Link, malformed, told};

/// How many statements a connection keeps prepared: as many as the driver does.
const MOST_PREPARED: usize = 32;

/// How much of a long text is sent at once: no server takes less.
const PIECE: usize = 512 << 10;

/// A statement that the server knows by a number.
#[derive(Debug)]
pub(super) struct Prepared {
    sql: String,
    number: u32,
    parameters: u16,
}

/// What a statement gives. It must be read to its end before its connection is used again.
#[derive(Debug)]
pub(in crate::sources::mysql) struct Rows<'a> {
    link: &'a mut Link,
    columns: Vec<Column>,
    ended: bool,
}

impl Link {
    /// Runs a statement. The second answer tells whether it had to be prepared, which is a round trip.
    ///
    /// # Errors
    ///
    /// Also when there are other parameters than the statement has.
    pub async fn execute(&mut self, sql: &str, parameters: &[Value]) -> Result<(Rows<'_>, bool), Error> {
        let known = self.prepared.iter().position(|prepared| prepared.sql == sql);
        let prepared = match known {
            // The one that was used last is the last.
            Some(index) => self.prepared.remove(index),
            None => self.prepare(sql).await?,
        };
        let (number, wanted) = (prepared.number, prepared.parameters);
        self.prepared.push(prepared);
        let (request, in_pieces) = ComStmtExecuteRequestBuilder::new(number).build(parameters);
        if usize::from(wanted) != parameters.len() {
            return Err(Error::Other(format!("a statement with {wanted} parameters got {}", parameters.len()).into()));
        }
        if in_pieces {
            self.send_pieces(number, parameters).await?;
        }
        let mut body = vec![];
        request.serialize(&mut body);
        self.command(&body).await?;
        let columns = self.header().await?;
        let ended = columns.is_empty();
        Ok((Rows { link: self, columns, ended }, known.is_none()))
    }

    /// Sends ahead what would make one message too long.
    async fn send_pieces(&mut self, statement: u32, parameters: &[Value]) -> Result<(), Error> {
        const COM_STMT_SEND_LONG_DATA: u8 = 0x18;
        for (index, parameter) in (0u16..).zip(parameters) {
            let Value::Bytes(bytes) = parameter else { continue };
            // An empty text is a piece too.
            let (mut rest, mut first) = (bytes.as_slice(), true);
            while first || !rest.is_empty() {
                let (piece, after) = rest.split_at(rest.len().min(PIECE));
                let head = [&[COM_STMT_SEND_LONG_DATA][..], &statement.to_le_bytes(), &index.to_le_bytes()].concat();
                // This has no answer.
                self.command(&[&head, piece].concat()).await?;
                (rest, first) = (after, false);
            }
        }
        Ok(())
    }

    async fn prepare(&mut self, sql: &str) -> Result<Prepared, Error> {
        const COM_STMT_PREPARE: u8 = 0x16;
        if self.prepared.len() >= MOST_PREPARED {
            // This has no answer.
            let oldest = self.prepared.remove(0);
            let mut body = vec![];
            ComStmtClose::new(oldest.number).serialize(&mut body);
            self.command(&body).await?;
        }
        self.command(&[&[COM_STMT_PREPARE], sql.as_bytes()].concat()).await?;
        let capabilities = self.capabilities;
        let message = self.message().await?;
        if message.first() == Some(&0xff) {
            return Err(told(message, capabilities));
        }
        let statement: StmtPacket = ParseBuf(message).parse(()).map_err(|_| malformed())?;
        let prepared =
            Prepared { sql: sql.to_string(), number: statement.statement_id(), parameters: statement.num_params() };
        for descriptions in [statement.num_params(), statement.num_columns()] {
            if descriptions > 0 {
                for _ in 0..descriptions {
                    self.message().await?;
                }
                self.end_of_descriptions().await?;
            }
        }
        Ok(prepared)
    }

    /// What stands before the rows.
    async fn header(&mut self) -> Result<Vec<Column>, Error> {
        let capabilities = self.capabilities;
        let message = self.message().await?;
        let count = match message {
            [0x00, ..] => return Ok(vec![]),
            [0xff, ..] => return Err(told(message, capabilities)),
            [0xfb | 0xfe, ..] | [] => return Err(malformed()),
            _ => ParseBuf(message).checked_eat_lenenc_int().ok_or_else(malformed)?,
        };
        let mut columns = vec![];
        for _ in 0..count {
            let message = self.message().await?;
            columns.push(ParseBuf(message).parse(()).map_err(|_| malformed())?);
        }
        self.end_of_descriptions().await?;
        Ok(columns)
    }

    async fn end_of_descriptions(&mut self) -> Result<(), Error> {
        let capabilities = self.capabilities;
        let message = self.message().await?;
        if is_end(message) { Ok(()) } else { Err(not_a_row(message, capabilities)) }
    }
}

impl Rows<'_> {
    /// What the values of each row are.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The next row as the protocol has it, if it has been received; none at the end and when there is more to wait for,
    /// see [`Rows::more`].
    pub fn received(&mut self) -> Result<Option<&[u8]>, Error> {
        if self.ended {
            return Ok(None);
        }
        let capabilities = self.link.capabilities;
        match self.link.received()? {
            Some(row @ [0x00, ..]) => Ok(Some(row)),
            None => Ok(None),
            Some(message) if is_end(message) => {
                self.ended = true;
                Ok(None)
            }
            Some(message) => {
                self.ended = true;
                Err(not_a_row(message, capabilities))
            }
        }
    }

    /// Waits for more rows; false when there are none.
    pub async fn more(&mut self) -> Result<bool, Error> {
        if !self.ended {
            self.link.receive().await?;
        }
        Ok(!self.ended)
    }
}

/// Whether a message ends what came before: it is shorter than a row that begins like it.
fn is_end(message: &[u8]) -> bool {
    message.first() == Some(&0xfe) && message.len() < 9
}

fn not_a_row(message: &[u8], capabilities: CapabilityFlags) -> Error {
    if message.first() == Some(&0xff) { told(message, capabilities) } else { malformed() }
}
