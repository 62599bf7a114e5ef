//! COPY: rows as a stream of data to the client, or from it (`copy_in`).

use std::sync::Arc;

use bytes::{BufMut, BytesMut};
use pgwire::messages::copy::{CopyDone, CopyOutResponse};

use super::connection::Connection;
use super::errors::Failure;
use super::portal::Prepared;
use super::rows::{FLUSH_SIZE, too_many_rows};
use super::running::{Begun, Started, watch};
use super::script::Command;
use crate::ddl::copy::Copy;
use crate::error::{Error, Result};
use crate::functions::pg::json;
use crate::values::copy::{CopyKind, RowWriter};
use crate::values::encode::too_large;

impl Connection {
    /// COPY, in the simple and the extended protocol.
    pub(super) async fn copy(&mut self, copy: &Copy) -> Result<(), Failure> {
        self.check_block()?;
        if copy.from { self.copy_in(copy).await } else { self.copy_out(copy).await }
    }

    async fn copy_out(&mut self, copy: &Copy) -> Result<(), Failure> {
        let copy = self.session.copy_out(copy)?;
        self.record(Some("COPY TO STDOUT".to_string()), &copy.query.text, &[]);
        let leash = self.leash().reading();
        let _running = self.slot.run(&leash.cancel);
        let prepared = Arc::new(Prepared::new(Command::Run(copy.query), vec![]));
        let session = Arc::clone(&self.session);
        let mut started = Started::new(&self.shared.workers, session, prepared, vec![], &leash)?;
        let begun = watch(&mut self.wire, &self.shared.ending, &leash, started.begun()).await;
        let begun = begun.map_err(|failure| match failure {
            Failure::Statement(error) if !copy.written => Failure::Statement(error.with_position(None)),
            other => other,
        })?;
        self.put_notices()?;
        let Begun::Rows { schema, .. } = begun else {
            return Err(Failure::Statement(Error::internal("the query of a COPY gave no rows")));
        };
        // A row as an object is one value.
        let as_objects = copy.format.kind == CopyKind::Json;
        let written = if as_objects { json::object_schema() } else { Arc::clone(&schema) };
        let zone = self.zone();
        let mut writer = RowWriter::new(&copy.format, &written, zone)?;
        let (form, columns, forms) = formats(copy.format.kind, written.fields().len())?;
        self.wire.put(&CopyOutResponse::new(form, columns, forms))?;
        let mut header = BytesMut::new();
        writer.header(&mut header);
        if copy.format.kind != CopyKind::Binary && !header.is_empty() {
            put_data(&mut self.wire.output, |out| {
                out.put(header.split());
                Ok(())
            })?;
        }
        let (mut count, most) = (0u64, self.most_rows());
        while let Some(batch) = watch(&mut self.wire, &self.shared.ending, &leash, started.batches.next()).await? {
            let batch = if as_objects { json::objects(&schema, &batch, zone)? } else { batch };
            let columns = writer.columns(&batch)?;
            let mut row = 0;
            while row < batch.num_rows() {
                let before = self.wire.output.len();
                let mut put = 0;
                let done = loop {
                    if row + put >= batch.num_rows() || self.wire.output.len() >= FLUSH_SIZE {
                        break Ok(());
                    }
                    if let Some(most) = most.filter(|most| count + put as u64 >= *most) {
                        break Err(too_many_rows(most));
                    }
                    let written = put_data(&mut self.wire.output, |out| {
                        // In binary the header is part of the first message.
                        if !header.is_empty() {
                            out.put(header.split());
                        }
                        writer.write(&columns, row + put, out)
                    });
                    if written.is_err() {
                        break written;
                    }
                    put += 1;
                };
                row += put;
                count += put as u64;
                let bytes = (self.wire.output.len() - before) as u64;
                self.shared.metrics.sent(put as u64, bytes);
                if let Some(entry) = &self.entry {
                    entry.count(put as u64, bytes);
                }
                done?;
                if self.wire.output.len() >= FLUSH_SIZE {
                    self.wire.flush_until(&self.shared.ending).await?;
                }
            }
        }
        writer.trailer(&mut header);
        if !header.is_empty() {
            put_data(&mut self.wire.output, |out| {
                out.put(header.split());
                Ok(())
            })?;
        }
        let tag = format!("COPY {count}");
        self.recorded(&tag).await?;
        self.wire.put(&CopyDone::new())?;
        Ok(self.wire.put_complete(tag)?)
    }
}

/// What a client is told of the form: of the whole, how many columns, of each.
pub(super) fn formats(kind: CopyKind, columns: usize) -> Result<(i8, i16, Vec<i16>)> {
    let form = i8::from(kind == CopyKind::Binary);
    let count = i16::try_from(columns).map_err(|_| too_large())?;
    Ok((form, count, vec![i16::from(form); columns]))
}

/// Adds a message of data. After an error nothing was added.
fn put_data(out: &mut BytesMut, write: impl FnOnce(&mut BytesMut) -> Result<()>) -> Result<()> {
    let start = out.len();
    out.put_u8(b'd');
    out.put_i32(0);
    let written = write(out).and_then(|()| i32::try_from(out.len() - start - 1).map_err(|_| too_large()));
    match written {
        Ok(length) => {
            if let Some(place) = out.get_mut(start + 1..start + 5) {
                place.copy_from_slice(&length.to_be_bytes());
            }
            Ok(())
        }
        Err(error) => {
            // What the row took is given back: a row may have a gigabyte.
            let whole = BytesMut::from(out.get(..start).unwrap_or_default());
            *out = whole;
            Err(error)
        }
    }
}
