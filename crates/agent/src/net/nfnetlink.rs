//! How the kernel's packet filter writes netlink messages: headers, and attributes in attributes.

/// Bytes of a netlink header.
pub(super) const HEADER: usize = 16;
/// Bytes of the header behind it, before the attributes.
pub(super) const FAMILY: usize = 4;

/// Type and body of every message of a datagram.
pub(super) fn messages(mut datagram: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let length = usize::try_from(u32::from_ne_bytes(*datagram.first_chunk()?)).ok()?;
        let kind = u16::from_ne_bytes(*datagram.get(4..)?.first_chunk()?);
        let body = datagram.get(HEADER..length)?;
        datagram = datagram.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((kind, body))
    })
}

/// One attribute.
pub(super) struct Attribute<'a> {
    pub(super) kind: u16,
    pub(super) payload: &'a [u8],
    /// Header, payload and padding.
    pub(super) padded: &'a [u8],
}

/// The attributes that follow each other in `bytes`.
pub(super) fn attributes(mut bytes: &[u8]) -> impl Iterator<Item = Attribute<'_>> {
    std::iter::from_fn(move || {
        let length = usize::from(u16::from_ne_bytes(*bytes.first_chunk()?));
        let kind = u16::from_ne_bytes(*bytes.get(2..)?.first_chunk()?) & 0x3fff;
        let payload = bytes.get(4..length)?;
        let (padded, rest) = bytes.split_at(length.next_multiple_of(4).min(bytes.len()));
        bytes = rest;
        Some(Attribute { kind, payload, padded })
    })
}

/// What the first attribute of this kind holds.
pub(super) fn find(bytes: &[u8], kind: u16) -> Option<&[u8]> {
    attributes(bytes)
        .find(|attribute| attribute.kind == kind)
        .map(|attribute| attribute.payload)
}
