//! The messages of the peer wire protocol, as values (BEP 3, 6, 10, 52).
//!
//! A `piece` message is not here: its payload never enters the scheduler. The decoder reports its header as
//! [`Frame::Piece`](crate::codec::Frame) and the caller takes the payload bytes from the socket itself.
//! Indices are raw here, as a peer sent them; the Swarm checks each against the layout.

/// A request, cancel or reject triple as it stands on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Request {
    /// Piece index, unchecked.
    pub piece: u32,
    /// Byte offset in the piece, unchecked.
    pub begin: u32,
    /// Length in bytes, unchecked.
    pub length: u32,
}

/// The fields that a hash request, its answer and its reject share (BEP 52).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HashRequest {
    /// Root of the file's tree: names the file (identical files share it).
    pub pieces_root: [u8; 32],
    /// Lowest layer asked for; 0 is the leaf layer (16 KiB blocks).
    pub base_layer: u32,
    /// First hash in that layer; a multiple of `length`.
    pub index: u32,
    /// Number of hashes: a power of two, at least 2.
    pub length: u32,
    /// Number of ancestor layers asked for as proof.
    pub proof_layers: u32,
}

/// One message without payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// Length 0.
    KeepAlive,
    /// 0
    Choke,
    /// 1
    Unchoke,
    /// 2
    Interested,
    /// 3
    NotInterested,
    /// 4
    Have(u32),
    /// 5: the raw bits, most significant first.
    Bitfield(Vec<u8>),
    /// 6
    Request(Request),
    /// 8
    Cancel(Request),
    /// 9: the DHT port.
    Port(u16),
    /// 13 (BEP 6)
    Suggest(u32),
    /// 14 (BEP 6)
    HaveAll,
    /// 15 (BEP 6)
    HaveNone,
    /// 16 (BEP 6)
    Reject(Request),
    /// 17 (BEP 6)
    AllowedFast(u32),
    /// 20 (BEP 10): the receiver's extension id (0 is the handshake) and the undecoded payload.
    Extended {
        /// Extended message id.
        id: u8,
        /// Bencoded dictionary and whatever follows it.
        payload: Vec<u8>,
    },
    /// 21 (BEP 52)
    HashRequest(HashRequest),
    /// 22 (BEP 52): the hashes asked for, then the proof's uncles, 32 bytes each.
    Hashes {
        /// The request that this answers.
        request: HashRequest,
        /// Base-layer hashes, then uncle hashes bottom-up.
        hashes: Vec<[u8; 32]>,
    },
    /// 23 (BEP 52)
    HashReject(HashRequest),
    /// An id that we do not know; ignored (BEP 3 asks for that).
    Unknown(u8),
}
