//! A file's text, piece by piece: read ahead a little, unpacked, without its byte order mark, in UTF-8.

use std::io::{self, Write};
use std::ops::Range;
use std::sync::Arc;

use bytes::{Buf, Bytes, BytesMut};
use flate2::write::MultiGzDecoder;
use futures::stream::{self, BoxStream, StreamExt};
use object_store::path::Path;
use object_store::{Error as StoreError, GetOptions, GetRange, GetResultPayload, ObjectStore, ObjectStoreExt};
use tokio::io::AsyncReadExt;
use zstd::stream::raw::{Decoder as ZstdDecoder, Operation};

use super::format::{Compression, Encoding, FormatOptions};
use super::listing::DataFile;
use super::location::Location;
use crate::error::{Error, Result, SqlState};
use crate::sources::traffic::Traffic;

/// How much is handed on at once, in bytes.
const PIECE: usize = 256 * 1024;
/// How much gzip is unpacked at once: it grows a thousandfold at most.
const GZIP_PIECE: usize = 4 * 1024;
/// How much of a remote file the first request asks for: enough for types to be inferred.
const FIRST_RANGE: u64 = 256 * 1024;
/// How much each later request asks for.
const RANGE: u64 = 8 * 1024 * 1024;
/// How many requests are under way at once.
const REQUESTS: usize = 2;

/// An open file.
pub struct Content {
    raw: BoxStream<'static, Result<Bytes>>,
    rest: Bytes,
    ended: bool,
    unpack: Unpack,
    /// The first bytes, until there are enough to see a byte order mark.
    head: Option<BytesMut>,
    encoding: Encoding,
    file: String,
    server: String,
}

enum Unpack {
    Nothing,
    Gzip(Box<MultiGzDecoder<Vec<u8>>>),
    Zstd { decoder: ZstdDecoder<'static>, open: bool },
}

impl Content {
    /// Opens a file.
    pub async fn open(location: &Arc<Location>, file: &DataFile, options: &FormatOptions) -> Result<Content> {
        let unpack = match options.compression(&file.name) {
            Compression::None => Unpack::Nothing,
            Compression::Gzip => Unpack::Gzip(Box::new(MultiGzDecoder::new(vec![]))),
            Compression::Zstd => Unpack::Zstd {
                decoder: ZstdDecoder::new()
                    .map_err(|e| Error::new(SqlState::OUT_OF_MEMORY, format!("could not start zstd: {e}")))?,
                open: false,
            },
        };
        Ok(Content {
            raw: if file.meta.size == 0 { stream::empty().boxed() } else { read(location, file).await? },
            rest: Bytes::new(),
            ended: false,
            unpack: if file.meta.size == 0 { Unpack::Nothing } else { unpack },
            head: Some(BytesMut::new()),
            encoding: options.encoding,
            file: file.name.clone(),
            server: location.server().to_string(),
        })
    }

    /// Tells `traffic` what is read from the store. Of a file of this machine opening it is the one request, of a remote
    /// one each part of it is.
    pub fn counted(mut self, is_local: bool, traffic: &Arc<Traffic>) -> Content {
        if is_local && !self.ended {
            traffic.add_round_trip();
        }
        let traffic = Arc::clone(traffic);
        let raw = std::mem::replace(&mut self.raw, stream::empty().boxed());
        self.raw = raw
            .inspect(move |piece| {
                if let Ok(bytes) = piece {
                    traffic.add_bytes(bytes.len() as u64);
                    if !is_local {
                        traffic.add_round_trip();
                    }
                }
            })
            .boxed();
        self
    }

    /// The next piece; none at the end.
    pub async fn next(&mut self) -> Result<Option<Bytes>> {
        loop {
            let mut piece = if !self.rest.is_empty() {
                self.unpack.step(&mut self.rest).map_err(|e| self.broken(&e))?
            } else if self.ended {
                return Ok(None);
            } else if let Some(bytes) = self.raw.next().await {
                self.rest = bytes?;
                continue;
            } else {
                self.ended = true;
                self.unpack.finish().map_err(|e| self.broken(&e))?
            };
            if let Some(mut head) = self.head.take() {
                head.extend_from_slice(&piece);
                if head.len() < 3 && !self.ended {
                    self.head = Some(head);
                    continue;
                }
                piece = self.without_mark(head.freeze())?;
            }
            if !piece.is_empty() {
                return Ok(Some(self.encoding.to_utf8(piece)));
            }
        }
    }

    fn without_mark(&self, mut head: Bytes) -> Result<Bytes> {
        if head.starts_with(&[0xFF, 0xFE]) || head.starts_with(&[0xFE, 0xFF]) {
            return Err(Error::new(
                SqlState::CHARACTER_NOT_IN_REPERTOIRE,
                format!("file \"{}\" of server \"{}\" is UTF-16", self.file, self.server),
            )
            .with_hint("Convert it to UTF-8."));
        }
        if head.starts_with(&[0xEF, 0xBB, 0xBF]) {
            head.advance(3);
        }
        Ok(head)
    }

    fn broken(&self, error: &io::Error) -> Error {
        let format = match self.unpack {
            Unpack::Gzip(_) => "gzip",
            _ => "zstd",
        };
        Error::new(
            SqlState::INVALID_TEXT_REPRESENTATION,
            format!("file \"{}\" of server \"{}\" is not whole {format}", self.file, self.server),
        )
        .with_detail(format!("{error}."))
    }
}

impl Unpack {
    /// Takes some of `rest`, which is not empty, and gives what it unpacks to.
    fn step(&mut self, rest: &mut Bytes) -> io::Result<Bytes> {
        match self {
            Unpack::Nothing => Ok(rest.split_to(rest.len().min(PIECE))),
            Unpack::Gzip(decoder) => {
                decoder.write_all(&rest.split_to(rest.len().min(GZIP_PIECE)))?;
                Ok(Bytes::from(std::mem::take(decoder.get_mut())))
            }
            Unpack::Zstd { decoder, open } => {
                let mut out = vec![0; PIECE];
                let status = decoder.run_on_buffers(rest.as_ref(), &mut out)?;
                rest.advance(status.bytes_read);
                out.truncate(status.bytes_written);
                *open = status.remaining != 0;
                Ok(Bytes::from(out))
            }
        }
    }

    /// What is left at the end; a file that was cut off is an error.
    fn finish(&mut self) -> io::Result<Bytes> {
        match self {
            Unpack::Nothing => Ok(Bytes::new()),
            Unpack::Gzip(decoder) => {
                decoder.try_finish()?;
                Ok(Bytes::from(std::mem::take(decoder.get_mut())))
            }
            Unpack::Zstd { decoder, open } => {
                let mut all = vec![];
                while *open {
                    let mut out = vec![0; PIECE];
                    let status = decoder.run_on_buffers(&[], &mut out)?;
                    if status.bytes_written == 0 && status.remaining != 0 {
                        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "unexpected end of file"));
                    }
                    all.extend_from_slice(out.get(..status.bytes_written).unwrap_or_default());
                    *open = status.remaining != 0;
                }
                Ok(Bytes::from(all))
            }
        }
    }
}

/// A file's bytes. A remote file is read by ranges, so that no request has to last as long as the query does.
async fn read(location: &Arc<Location>, file: &DataFile) -> Result<BoxStream<'static, Result<Bytes>>> {
    let store = location.store()?;
    let size = file.meta.size;
    let first = get(&store, &file.meta.location, 0..size.min(FIRST_RANGE)).await;
    let result = match first {
        Ok(result) => result,
        // A web server need not give parts of a file.
        Err(StoreError::NotSupported { .. }) if location.is_web() => {
            let whole = store.get(&file.meta.location).await.map_err(|e| location.error(&file.name, &e))?;
            let (location, name) = (Arc::clone(location), file.name.clone());
            return Ok(whole.into_stream().map(move |bytes| bytes.map_err(|e| location.error(&name, &e))).boxed());
        }
        Err(e) => return Err(location.error(&file.name, &e)),
    };
    let tag = result.meta.e_tag.clone();
    let result = match result.payload {
        GetResultPayload::File(local, _) => return Ok(read_local(location, file, local)),
        payload => object_store::GetResult { payload, ..result },
    };
    if result.meta.size != size {
        return Err(changed(location.server(), &file.name));
    }
    let start = result.bytes().await.map_err(|e| location.error(&file.name, &e))?;
    let (location, path, name) = (Arc::clone(location), file.meta.location.clone(), file.name.clone());
    let rest = stream::iter(ranges(size)).map(move |range| {
        let (location, store) = (Arc::clone(&location), Arc::clone(&store));
        let (path, name, tag) = (path.clone(), name.clone(), tag.clone());
        async move {
            let length = range.end - range.start;
            let part = get(&store, &path, range).await.map_err(|e| location.error(&name, &e))?;
            let same = part.meta.size == size && part.meta.e_tag == tag;
            let bytes = part.bytes().await.map_err(|e| location.error(&name, &e))?;
            if same && u64::try_from(bytes.len()) == Ok(length) {
                Ok(bytes)
            } else {
                Err(changed(location.server(), &name))
            }
        }
    });
    Ok(stream::once(async move { Ok(start) }).chain(rest.buffered(REQUESTS)).boxed())
}

async fn get(
    store: &Arc<dyn ObjectStore>,
    path: &Path,
    range: Range<u64>,
) -> Result<object_store::GetResult, StoreError> {
    store.get_opts(path, GetOptions { range: Some(GetRange::Bounded(range)), ..GetOptions::default() }).await
}

/// The ranges after the first.
fn ranges(size: u64) -> impl Iterator<Item = Range<u64>> {
    let mut from = FIRST_RANGE;
    std::iter::from_fn(move || {
        let range = from..size.min(from.saturating_add(RANGE));
        from = range.end;
        (range.start < range.end).then_some(range)
    })
}

fn changed(server: &str, file: &str) -> Error {
    Error::new(
        SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE,
        format!("file \"{file}\" of server \"{server}\" changed while it was read"),
    )
    .with_hint("Run the query again.")
}

fn read_local(location: &Arc<Location>, file: &DataFile, open: std::fs::File) -> BoxStream<'static, Result<Bytes>> {
    let what = format!("file \"{}\" of server \"{}\"", file.name, location.server());
    stream::try_unfold((tokio::fs::File::from_std(open), what), |(mut open, what)| async move {
        let mut piece = BytesMut::with_capacity(PIECE);
        match open.read_buf(&mut piece).await {
            Ok(0) => Ok(None),
            Ok(_) => Ok(Some((piece.freeze(), (open, what)))),
            Err(e) => Err(Error::new(SqlState::IO_ERROR, format!("could not read {what}: {e}"))),
        }
    })
    .boxed()
}

#[cfg(test)]
mod tests {
    use flate2::Compression as Level;
    use flate2::write::GzEncoder;

    use super::*;
    use crate::sources::kind::ServerSpec;
    use crate::sources::options::Options;

    async fn text(name: &str, bytes: &[u8]) -> Result<String> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(name), bytes).unwrap();
        let location = Arc::new(Location::open(&ServerSpec {
            name: "lake".to_string(),
            options: [("location", ".")].into_iter().collect(),
            user: Options::new(),
            folder: folder.path().to_path_buf(),
            sockets: None,
        })?);
        let options = FormatOptions::new(&Options::new(), &Options::new())?;
        let files = super::super::listing::files(&location, name, &options).await?;
        let mut content = Content::open(&location, &files[0], &options).await?;
        let mut all = vec![];
        while let Some(piece) = content.next().await? {
            all.extend_from_slice(&piece);
        }
        Ok(String::from_utf8(all).unwrap())
    }

    fn gzip(text: &str) -> Vec<u8> {
        let mut encoder = GzEncoder::new(vec![], Level::default());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    }

    #[tokio::test]
    async fn packed_files_are_unpacked_whole() {
        let long = "0123456789\n".repeat(100_000);
        let members = [gzip(&long), gzip("end")].concat();
        assert_eq!(text("a.csv.gz", &members).await.unwrap(), format!("{long}end"));
        assert!(text("a.csv.gz", &members[..members.len() - 5]).await.is_err());
        let frames =
            [zstd::encode_all(long.as_bytes(), 3).unwrap(), zstd::encode_all(&b"end"[..], 3).unwrap()].concat();
        assert_eq!(text("a.csv.zst", &frames).await.unwrap(), format!("{long}end"));
        assert!(text("a.csv.zst", &frames[..frames.len() - 3]).await.is_err());
        assert!(text("a.csv.gz", b"a,b\n").await.is_err());
    }

    #[tokio::test]
    async fn byte_order_marks_are_no_text() {
        assert_eq!(text("a.csv", b"\xEF\xBB\xBFa").await.unwrap(), "a");
        assert_eq!(text("a.csv", b"a").await.unwrap(), "a");
        assert_eq!(text("a.csv", b"").await.unwrap(), "");
        assert!(text("a.csv", b"\xFF\xFEa\0").await.is_err());
    }

    #[test]
    fn ranges_cover_a_file() {
        let size = FIRST_RANGE + 2 * RANGE + 1;
        let all: Vec<Range<u64>> = ranges(size).collect();
        assert_eq!(all.first().map(|r| r.start), Some(FIRST_RANGE));
        assert_eq!(all.last(), Some(&(size - 1..size)));
        assert_eq!(ranges(10).count(), 0);
    }
}
