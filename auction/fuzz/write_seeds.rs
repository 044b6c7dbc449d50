//! Writes what the fuzzers begin with: the messages, transcript and bids of one small auction.

#[path = "../tests/in_memory/mod.rs"]
mod in_memory;

use std::fs;
use std::path::Path;

use auction::prices::Level;
use auction::transcript::Transcript;
use auction::wire::encode;
use in_memory::{Committee, Terms, rng, run};

fn main() {
    let mut rng = rng(1);
    let terms = Terms { levels: 3, accumulators: 2, block: 2, ..Terms::small() };
    let committee = Committee::new(terms, &mut rng);
    let bids = [1, 3].map(|level| committee.seal(Level(level), &mut rng));
    let books = committee.take(&bids, &mut rng);
    let mut nodes = committee.close(books, &mut rng);
    run(&mut nodes, &mut rng);
    let transcript = Transcript::of(&nodes[0].1).expect("the auction is decided");
    let messages =
        transcript.rounds.iter().flatten().map(|message| encode(message).expect("encodes"));
    write("decode_message", messages);
    let submissions = bids.iter().flat_map(|bid| &bid.submissions);
    write("decode_bid", submissions.map(|submission| encode(submission).expect("encodes")));
    write("decode_transcript", [transcript.to_bytes().expect("encodes")]);
}

fn write(target: &str, seeds: impl IntoIterator<Item = Vec<u8>>) {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    fs::create_dir_all(&corpus).expect("the corpus can be made");
    for (i, seed) in seeds.into_iter().enumerate() {
        fs::write(corpus.join(format!("seed-{i}")), seed).expect("a seed can be written");
    }
}
