//! What keeps a figure from its target: said where it misses it, from profiles and counted
//! operations. Written for the code beside it: whoever makes a step faster counts again.

pub(crate) const CHECKING: &str = "of a check in a batch of 64, sampled, 29 % are the joint \
    multiplication, most of it the level generators, which a larger batch spreads over more bids, \
    25 % two strict Ed25519 verifications, 16 % decompressing the bid's eight points, 9 % \
    expanding and summing the share";
pub(crate) const SEALING: &str = "counted: two commitments to seed shares, each a constant-time \
    multiplication of K points, and the sums of the membership proof, which multiply 1.2 K points \
    more; the curve library has no faster one in constant time, and none shares its tables";
pub(crate) const CLOSING: &str = "at n = 100 and K = 1024, timed by step: two fifths are the checks \
    of fellows' stage proofs, four multiplications of K points and more, of 123 T each, a fifth \
    one's own stages, some 80 ciphertexts of 2.5 T each in constant time, and two fifths 29 tests, \
    each several multiplications of the accumulator's own and the check of its fellows'; sampled, \
    four fifths are additions and doublings of points in the curve library";
pub(crate) const VERIFYING: &str = "the rounds' proofs of all three accumulators, as in a closing, \
    and for each bid a signature and its part of the membership batch";
pub(crate) const BYTES: &str = "counted: a stage's proof has K + 2 responses of 32 bytes, 33 KB at \
    K = 1024, once for each of four stages, 131 of the 155 KB from each accumulator to each \
    fellow; blocks of 128 would save one of the four at n = 100 and cost 360 T; folded proofs \
    would cost each prover a multiplication of K points a fold";
pub(crate) const TAKING: &str = "the node's one core: checking in batches is a third to a half of \
    its time, the rest QUIC (one question in three brings an explicit share of 17 KB at K = 1024), \
    decoding, sealing the share for the store, redb's commit and the receipt's signature";
pub(crate) const WALL: &str = "three accumulators' computation on the cores there are (see the \
    figures of one accumulator), and 16 rounds that each wait for a commit to disk";
pub(crate) const DELAY: &str = "16 half round trips are 0.8 s of it; then three accumulators' \
    computation on the cores there are, and messages longer than QUIC's first window of 14 KB \
    (lists of 33 bytes a bid, stage proofs of 33 KB), which cost a further round trip each";
pub(crate) const MEMORY: &str = "explicit shares are kept in memory with their bids until the \
    outcome: 17 K + 32 bytes for one bid in M";
pub(crate) const CROWD: &str = "work that grows with n on one thread after closing: comparing \
    lists, the order, and expanding every share once more to fold it into blocks";
pub(crate) const MANY: &str = "computation: each auction's searches test as many levels as a \
    large one's, three times on the cores there are, for 20 bids";
pub(crate) const JOURNAL: &str = "one writer applies, encodes and hashes every entry while the \
    helper flushes; the state machine alone does 1.4 to 2.9 M/s";
pub(crate) const PAYMENTS: &str = "processor time, the payers' on the same cores included; \
    sampled at 32 and 256 waiting: 46 and 33 % check the signature (all but a twentieth of it one \
    double multiplication; keys are kept decoded and a division is shared), 32 and 45 % are QUIC \
    on both sides (counted: 2.3 and 2.7 datagrams, of which 2 would do), 14 and 18 % the tasks of \
    question and answer on both sides, 4 % the writer with journal, tree and signed head";
