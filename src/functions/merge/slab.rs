//! One byte string a group, all in one buffer: no allocation a group, and little to move when groups are emitted.

use std::hint::black_box;

use datafusion::logical_expr::EmitTo;

/// Below this many unused bytes the buffer is left alone.
const LEAST_WASTE: usize = 64 * 1024;

/// Where a group's bytes are.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Span {
    start: usize,
    len: usize,
}

/// The groups' bytes.
#[derive(Debug, Default)]
pub(super) struct Slab {
    spans: Vec<Span>,
    data: Vec<u8>,
    /// How many bytes of `data` no span uses.
    unused: usize,
}

impl Slab {
    /// Makes room for this many groups; new ones are empty.
    pub(super) fn resize(&mut self, groups: usize) {
        if groups > self.spans.len() {
            self.spans.resize(groups, Span::default());
        }
    }

    /// The group's bytes.
    #[inline]
    pub(super) fn get(&self, group: usize) -> &[u8] {
        self.spans.get(group).map_or(&[], |span| self.bytes(*span))
    }

    /// Brings the places of these groups near before they are written.
    pub(super) fn touch(&self, groups: &[(usize, u32)]) {
        black_box(groups.iter().fold(0, |all, won| all ^ self.spans.get(won.0).map_or(0, |span| span.len)));
    }

    /// Replaces the group's bytes.
    #[inline]
    pub(super) fn set(&mut self, group: usize, bytes: &[u8]) {
        let Some(span) = self.spans.get_mut(group) else { return };
        if bytes.len() <= span.len {
            if let Some(place) = self.data.get_mut(span.start..span.start + bytes.len()) {
                place.copy_from_slice(bytes);
            }
            self.unused += span.len - bytes.len();
            span.len = bytes.len();
        } else {
            self.unused += span.len;
            *span = Span { start: self.data.len(), len: bytes.len() };
            self.data.extend_from_slice(bytes);
            self.tidy();
        }
    }

    /// Takes groups out. Their bytes stay readable until they are [released](Slab::release).
    pub(super) fn detach(&mut self, emit_to: EmitTo) -> Vec<Span> {
        emit_to.take_needed(&mut self.spans)
    }

    /// The bytes of a span of this slab.
    #[inline]
    pub(super) fn bytes(&self, span: Span) -> &[u8] {
        self.data.get(span.start..span.start + span.len).unwrap_or_default()
    }

    /// Gives the bytes of detached groups back.
    pub(super) fn release(&mut self, detached: &[Span]) {
        if self.spans.is_empty() {
            *self = Slab::default();
        } else {
            self.unused += detached.iter().map(|span| span.len).sum::<usize>();
            self.tidy();
        }
    }

    /// Moves the used bytes together once most are unused, so that the cost is spread over what was written.
    fn tidy(&mut self) {
        let worth_it = self.unused > LEAST_WASTE
            && self.unused > self.data.len() / 2
            && self.unused > self.spans.len() * size_of::<Span>();
        if !worth_it {
            return;
        }
        let mut data = Vec::with_capacity((self.data.len() - self.unused) * 5 / 4);
        for span in &mut self.spans {
            let start = data.len();
            data.extend_from_slice(self.data.get(span.start..span.start + span.len).unwrap_or_default());
            span.start = start;
        }
        self.data = data;
        self.unused = 0;
    }

    /// Bytes held.
    pub(super) fn size(&self) -> usize {
        self.spans.capacity() * size_of::<Span>() + self.data.capacity()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_survive_rewriting_and_emitting() {
        let mut slab = Slab::default();
        slab.resize(100);
        for round in 1..200_usize {
            for group in 0..100 {
                slab.set(group, format!("{group}:{}", "x".repeat(round % 70)).as_bytes());
            }
        }
        assert!(slab.size() < 1024 * 1024);
        let first = slab.detach(EmitTo::First(40));
        assert!(slab.bytes(first[39]).starts_with(b"39:"));
        slab.release(&first);
        assert!(slab.get(0).starts_with(b"40:"));
        let rest = slab.detach(EmitTo::All);
        assert!(slab.bytes(rest[59]).starts_with(b"99:"));
        slab.release(&rest);
        assert_eq!(slab.size(), 0);
    }
}
